"""One window a person: a second start hands its file to the window that is there, and ends.

What arrives on the socket is untrusted input: it is bounded in size, time and number, and is a file to open, nothing
else. Where the socket cannot be made, each start has a window of its own.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

LIMIT_BYTES = 64 * 1024
WAIT_MS = 1000
_PATIENCE_MS = 2000
_CALLERS = 8
_LETTERS = 500  # of a title


class StartRequest(BaseModel):
    """What the window is asked for: to come to the front, and perhaps to open something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str | None = Field(default=None, max_length=32_000)
    demo: bool = False

    @property
    def path(self) -> Path | None:
        """The project to open, an absolute path."""
        return Path(self.project) if self.project else None


class StartReply(BaseModel):
    """The answer: which window has taken it, by its title."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: str = Field(max_length=_LETTERS)


def parse(line: bytes) -> StartRequest | None:
    """What a line asks for; None where it asks for nothing that could be done."""
    try:
        request = StartRequest.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        return None
    if request.project is not None and ("\0" in request.project or not Path(request.project).is_absolute()):
        return None
    return request


def default_name() -> str:
    """The socket of this person: in a folder that is theirs alone, or a pipe that Windows keeps for them."""
    if sys.platform == "win32":
        return f"pqv-mobile-{getpass.getuser()}"
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.RuntimeLocation)
    return str(Path(folder) / "pqv-mobile.socket") if folder else ""


def hand_over(request: StartRequest, *, name: str, wait_ms: int = WAIT_MS) -> StartReply | None:
    """Ask the window that is there, which says its title; None where there is none, or it does not answer."""
    socket = QLocalSocket()
    socket.setReadBufferSize(LIMIT_BYTES)
    socket.connectToServer(name)
    if not name or not socket.waitForConnected(wait_ms):
        return None
    socket.write(request.model_dump_json().encode() + b"\n")
    socket.flush()
    while not socket.canReadLine() and socket.bytesAvailable() < LIMIT_BYTES and socket.waitForReadyRead(wait_ms):
        pass
    line = bytes(socket.readLine(LIMIT_BYTES).data())
    socket.abort()
    try:
        return StartReply.model_validate_json(line)
    except ValidationError:
        return None


class Instance(QObject):
    """Listens for later starts.

    Args:
        title: What the window is called now, which is told to them.
    """

    asked = Signal(object)  # Request

    def __init__(self, parent: QObject | None = None, *, title: Callable[[], str] = lambda: "PQV-Mobile") -> None:
        super().__init__(parent)
        self.title = title
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.setMaxPendingConnections(_CALLERS)
        self._server.newConnection.connect(self._meet)
        self._callers = 0

    def listen(self, name: str) -> bool:
        """Listen under ``name``; whether that could be done. What a crashed process left there is taken away."""
        if not name or _answers(name):  # Qt would take the name over from a window that lives
            return False
        return self._server.listen(name)

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _meet(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            if self._callers >= _CALLERS:
                socket.abort()
                socket.deleteLater()
                continue
            self._callers += 1
            _Caller(socket, self).ended.connect(self._left)

    def _left(self) -> None:
        self._callers -= 1


class _Caller(QObject):
    """One connection, which has two seconds for one line."""

    ended = Signal()

    def __init__(self, socket: QLocalSocket, instance: Instance) -> None:
        super().__init__(instance)
        self._instance = instance
        self._socket = socket
        self._over = False
        socket.setParent(self)
        socket.setReadBufferSize(LIMIT_BYTES)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._end)
        self._patience.start(_PATIENCE_MS)
        socket.readyRead.connect(self._read)
        socket.disconnected.connect(self._end)
        self._read()

    def _read(self) -> None:
        if self._over:
            return
        if self._socket.canReadLine():
            request = parse(bytes(self._socket.readLine(LIMIT_BYTES).data()))
            if request is None:
                self._end()
                return
            taken = StartReply(window=self._instance.title()[:_LETTERS])
            self._socket.write(taken.model_dump_json().encode() + b"\n")
            self._socket.flush()
            self._socket.disconnectFromServer()
            self._instance.asked.emit(request)
        elif self._socket.bytesAvailable() >= LIMIT_BYTES:
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._patience.stop()
            self._socket.abort()
            self.ended.emit()
            self.deleteLater()


def _answers(name: str) -> bool:
    socket = QLocalSocket()
    socket.connectToServer(name)
    answered = socket.waitForConnected(WAIT_MS)
    socket.abort()
    return answered
