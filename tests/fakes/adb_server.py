"""An adb server: lists, tracking and services of fake phones, by the smart-socket protocol.

Its services run straight on a ``Phone``; for faults on the wire use ``Adbd``.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Self

from tests.fakes.phone import Phone
from tests.fakes.services import known, serve

_KEPT = 2 << 20  # bytes that wait to be read before the host has to wait


@dataclass
class Row:
    """A phone as the server sees it. Without ``phone`` it cannot be talked to."""

    serial: str
    state: str = "device"
    phone: Phone | None = None
    rest: str = "usb:1-1 product:x model:Phone_One device:one"
    features: str = "shell_v2,cmd"
    transport_id: int = 1

    def line(self) -> str:
        return f"{self.serial:<22} {self.state} {self.rest} transport_id:{self.transport_id}\n"


class SocketChannel:
    """A ``services.Channel`` on a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._ready = threading.Condition()
        self._reader = threading.Thread(target=self._read_all)
        self._reader.start()

    def _read_all(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65536):
                with self._ready:
                    self._buffer += data
                    self._ready.notify_all()
                    self._ready.wait_for(lambda: len(self._buffer) < _KEPT or self.closed.is_set())
        self.end()

    def read(self, count: int) -> bytes:
        with self._ready:
            self._ready.wait_for(lambda: len(self._buffer) >= count or self.closed.is_set())
            if len(self._buffer) < count:
                raise EOFError
            data = bytes(self._buffer[:count])
            del self._buffer[:count]
            self._ready.notify_all()
            return data

    def write(self, data: bytes) -> None:
        if self.closed.is_set():
            raise EOFError
        try:
            with self._lock:
                self._socket.sendall(data)
        except OSError as error:
            raise EOFError from error

    def end(self) -> None:
        self.closed.set()
        with self._ready:
            self._ready.notify_all()

    def finish(self) -> None:
        self.end()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()


@dataclass
class AdbServer:
    """Listens while the ``with`` block lasts."""

    rows: list[Row] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._trackers: list[socket.socket] = []
        self.tracking = threading.Event()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for row in self.rows:
            if row.phone:
                row.phone.kill_all()
        for thread in self._threads:
            thread.join()

    def change(self, *rows: Row) -> None:
        """Phones come and go; trackers are told."""
        self.rows = list(rows)
        for sock in self._trackers:
            with contextlib.suppress(OSError):
                sock.sendall(self._list())

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _list(self) -> bytes:
        text = "".join(row.line() for row in self.rows).encode()
        return b"%04x" % len(text) + text

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, ValueError, EOFError):
            chosen: Row | None = None
            while True:
                text = _exactly(sock, int(_exactly(sock, 4), 16)).decode()
                self.requests.append(text)
                if text == "host:devices-l":
                    sock.sendall(b"OKAY" + self._list())
                    return
                if text == "host:track-devices-l":
                    sock.sendall(b"OKAY" + self._list())
                    self._trackers.append(sock)
                    self.tracking.set()
                    sock.recv(1)
                    return
                if text.startswith("host"):
                    chosen = self._choose(sock, text)
                    if chosen is None:
                        return
                    continue
                self._service(sock, chosen, text)
                return
        self._open.discard(sock)

    def _choose(self, sock: socket.socket, text: str) -> Row | None:
        name = text.removesuffix(":features").split(":", 2)[-1]
        if text.endswith(":features"):
            name = text.removesuffix(":features").split(":", 1)[-1]
        rows = [row for row in self.rows if name in (row.serial, str(row.transport_id))]
        if not rows:
            return _fail(sock, f"device '{name}' not found")
        if len(rows) > 1:
            return _fail(sock, "more than one device/emulator")
        if rows[0].state != "device":
            return _fail(sock, f"device {rows[0].state}.")
        sock.sendall(b"OKAY")
        if text.endswith(":features"):
            plain = rows[0].features.encode()
            sock.sendall(b"%04x" % len(plain) + plain)
            return None
        return rows[0]

    def _service(self, sock: socket.socket, row: Row | None, text: str) -> None:
        if row is None or row.phone is None or not known(text):
            _fail(sock, "closed")
            return
        sock.sendall(b"OKAY")
        channel = SocketChannel(sock)
        try:
            serve(text, channel, row.phone)
        finally:
            channel.finish()


def _fail(sock: socket.socket, text: str) -> None:
    plain = text.encode()
    sock.sendall(b"FAIL%04x" % len(plain) + plain)


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data
