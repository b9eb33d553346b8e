"""The far end of a connection that says what a script holds, whatever it is told, and is then gone."""

from __future__ import annotations

from collections.abc import Iterator

from adb_shell.transport.base_transport import BaseTransport

from deploy.device.shell import never
from deploy.errors import ConnectionLostError
from deploy.targets.android.transports.base import IDLE_S, Kind, Link


class Script:
    """Bytes that come in the given pieces; after the last one the connection is lost, or closed where ``closes``."""

    def __init__(self, pieces: list[bytes], *, closes: bool = False) -> None:
        self._pieces: Iterator[bytes] = iter([piece for piece in pieces if piece])
        self._rest = b""
        self._closes = closes

    def read(self, count: int, *, timeout: float = IDLE_S) -> bytes:
        data = self._rest or next(self._pieces, b"")
        if not data and not self._closes:
            raise ConnectionLostError(details="the script has ended")
        self._rest = data[count:]
        return data[:count]

    def write(self, data: bytes | memoryview) -> None:
        """Is not listened to."""

    def waiting(self) -> bool:
        return bool(self._rest)

    def close(self) -> None:
        """Nothing is held."""


class ScriptedLink(Link):
    """All services of this phone say the same."""

    kind: Kind = "tcp"

    def __init__(self, pieces: list[bytes], *, closes: bool = False, features: tuple[str, ...] = ("shell_v2",)) -> None:
        self.features = frozenset(features)
        self.check = never
        self._script = Script(pieces, closes=closes)

    def open(self, service: str, *, timeout: float = IDLE_S) -> Script:
        return self._script

    def close(self) -> None:
        """Nothing is held."""


class ScriptedTransport(BaseTransport):  # type: ignore[misc]
    """For adb-shell."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._script = Script(pieces)

    def connect(self, transport_timeout_s: float | None) -> None:
        """It is there."""

    def close(self) -> None:
        """Nothing is held."""

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        return self._script.read(numbytes)

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        return len(data)
