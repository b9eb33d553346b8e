"""A phone over TCP, without an adb server.

Three differences from the library's own transport: everything is sent (its single non-blocking ``send`` loses
what the kernel does not take), small packets leave at once, and the end of the connection is an error, not an
endless loop.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from deploy.device.shell import Check, never
from deploy.errors import ConnectionLostError
from deploy.targets.android.transports.adb_shell_link import HANDSHAKE_S, PERSON_S, AdbShellLink, BaseTransport, Signer
from deploy.targets.android.transports.base import IDLE_S
from deploy.targets.android.transports.sockets import PatientSocket

CONNECT_S = 5.0


class TcpTransport(BaseTransport):  # type: ignore[misc]
    """Bytes to and from ``host``:``port``."""

    def __init__(self, host: str, port: int, check: Check) -> None:
        self._address = (host, port)
        self._check = check
        self._socket: PatientSocket | None = None

    def connect(self, transport_timeout_s: float | None) -> None:
        self._socket = PatientSocket(socket.create_connection(self._address, timeout=CONNECT_S), self._check)

    def close(self) -> None:
        if self._socket:
            self._socket.close()

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        data = self._open().receive(numbytes, _seconds(transport_timeout_s))
        if not data:
            raise ConnectionLostError(details="the phone closed the connection")
        return data

    def bulk_write(self, data: bytes | memoryview, transport_timeout_s: float | None) -> int:
        self._open().send(data, _seconds(transport_timeout_s))
        return len(data)

    def _open(self) -> PatientSocket:
        if self._socket is None:
            raise ConnectionLostError(details="not connected")
        return self._socket


def _seconds(value: float | None) -> float:
    return IDLE_S if value is None else value


def connect(
    host: str,
    port: int,
    *,
    signers: list[Signer],
    check: Check = never,
    asked: Callable[[], None] | None = None,
    patience_s: float = PERSON_S,
    handshake_s: float = HANDSHAKE_S,
) -> AdbShellLink:
    """Connect to a phone that listens on TCP (``adb tcpip 5555``).

    Raises:
        DeviceError: It does not answer, refuses the key, or wants pairing.
    """
    return AdbShellLink(
        TcpTransport(host, port, check),
        kind="tcp",
        name=f"{host}:{port}",
        signers=signers,
        check=check,
        asked=asked,
        patience_s=patience_s,
        handshake_s=handshake_s,
    )
