"""Through a running adb server, by its smart-socket protocol (AOSP ``packages/modules/adb/SERVICES.TXT``).

The server is used as it is: never started, never stopped, so that two adb versions do not fight over the phone.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.device import bounded
from deploy.device.shell import Check, never
from deploy.errors import (
    ConnectionLostError,
    NoDeviceError,
    OfflineError,
    ProtocolError,
    UnauthorizedError,
)
from deploy.targets.android.transports.base import IDLE_S, Kind, Link, Stream
from deploy.targets.android.transports.sockets import PatientSocket
from pqv_core.errors import DeviceError, UsageError

DEFAULT_PORT = 5037
_MAX_ANSWER = 1 << 16
_FEATURE = re.compile(r"[\w.:-]{1,64}")


@dataclass(frozen=True)
class ServerDevice:
    """A line of ``adb devices -l``. ``state`` is the server's word; ``transport_id`` tells equal serials apart."""

    serial: str
    state: str
    model: str = ""
    usb: str = ""
    transport_id: str = ""
    note: str = ""


class ServerStream:
    """A service behind the server; its own TCP connection."""

    def __init__(self, sock: PatientSocket) -> None:
        self._socket = sock

    def read(self, count: int, *, timeout: float = IDLE_S) -> bytes:
        return self._socket.receive(count, timeout)

    def write(self, data: bytes | memoryview) -> None:
        self._socket.send(data, IDLE_S)

    def waiting(self) -> bool:
        return self._socket.waiting()

    def close(self) -> None:
        self._socket.close()

    def exactly(self, count: int, *, timeout: float = IDLE_S) -> bytes:
        """Exactly ``count`` bytes, within ``timeout`` altogether."""
        parts, deadline = bytearray(), time.monotonic() + timeout
        while len(parts) < count:
            part = self.read(count - len(parts), timeout=max(0.0, deadline - time.monotonic()))
            if not part:
                raise ConnectionLostError(details="the adb server closed the connection")
            parts += part
        return bytes(parts)

    def block(self, *, timeout: float = IDLE_S) -> str:
        """A text after its length in four hexadecimal digits."""
        digits = self.exactly(4, timeout=timeout)
        if not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
            raise ProtocolError(f"the adb server sent {digits!r} for a length")
        return self.exactly(int(digits, 16), timeout=timeout).decode("utf-8", "replace")

    def request(self, text: str, *, timeout: float = IDLE_S) -> None:
        """Ask for something and take the server's OKAY.

        Raises:
            DeviceError: The server's FAIL, in words.
        """
        plain = text.encode()
        self.write(b"%04x" % len(plain) + plain)
        status = self.exactly(4, timeout=timeout)
        if status == b"FAIL":
            raise refusal(self.block())
        if status != b"OKAY":
            raise ProtocolError(f"the adb server sent {status!r} for a status")


def refusal(text: str) -> DeviceError:
    """The error that a FAIL of the server means."""
    text = bounded.lines(text, 500)
    if "unauthorized" in text or "authorizing" in text:
        return UnauthorizedError(details=text)
    if "offline" in text or "still connecting" in text:
        return OfflineError(details=text)
    if "not found" in text or "no devices" in text or "no device with" in text:
        return NoDeviceError(details=text)
    if "closed" in text:
        return ConnectionLostError(details=text)
    return DeviceError(f"The adb server refused: {text.strip()}.", action="Replug the phone and try again.")


def address() -> tuple[str, int]:
    """Where the server listens: ``ADB_SERVER_SOCKET``, ``ANDROID_ADB_SERVER_PORT``, else 127.0.0.1:5037.

    Raises:
        UsageError: A variable holds what cannot be.
    """
    spec = os.environ.get("ADB_SERVER_SOCKET", "")
    if spec:
        found = re.fullmatch(r"tcp:(?:(?P<host>[^:]+|\[[^]]+\]):)?(?P<port>\d{1,5})", spec)
        if not found:
            raise UsageError(
                f"ADB_SERVER_SOCKET={spec} is not of the form tcp:HOST:PORT.", action="Correct or unset it."
            )
        return (found["host"] or "127.0.0.1").strip("[]"), int(found["port"])
    port = os.environ.get("ANDROID_ADB_SERVER_PORT", "") or str(DEFAULT_PORT)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"ANDROID_ADB_SERVER_PORT={port} is not a port.", action="Correct or unset it.")
    return "127.0.0.1", int(port)


def dial(check: Check = never) -> ServerStream | None:
    """A connection to the server; None when none runs."""
    try:
        return ServerStream(PatientSocket(socket.create_connection(address(), timeout=2), check))
    except OSError:
        return None


def devices(check: Check = never) -> list[ServerDevice] | None:
    """What the server sees; None when none runs."""
    stream = dial(check)
    if stream is None:
        return None
    try:
        stream.request("host:devices-l")
        return parse_devices(stream.block())
    finally:
        stream.close()


def track(check: Check = never) -> Iterator[list[ServerDevice]]:
    """The list now, and again after every change, until ``check`` raises or the server ends.

    Raises:
        ConnectionLostError: The server has ended, or none runs.
    """
    stream = dial(check)
    if stream is None:
        raise ConnectionLostError(details="no adb server")
    try:
        stream.request("host:track-devices-l")
        while True:
            yield parse_devices(stream.block(timeout=float("inf")))
    finally:
        stream.close()


def parse_devices(text: str) -> list[ServerDevice]:
    """The lines of ``devices -l``; what is not such a line is left out."""
    found = []
    for line in text[:_MAX_ANSWER].splitlines():
        match = re.match(r"(\S{1,255})\s+(no permissions|\S+)(.*)", line)
        if not match or (not line.isprintable() and "\t" not in line):
            continue
        rest = match[3]
        facts = dict(re.findall(r"\b(model|usb|transport_id):(\S{1,100})", rest))
        found.append(
            ServerDevice(
                serial=match[1],
                state=match[2].rstrip(";"),
                model=facts.get("model", "").replace("_", " "),
                usb=facts.get("usb", ""),
                transport_id=facts.get("transport_id", ""),
                note=rest.strip()[:300],
            )
        )
    return found


class ServerLink(Link):
    """A phone behind the adb server. Every stream is a connection of its own, so they do not wait for each other."""

    kind: Kind = "server"

    def __init__(self, device: ServerDevice, check: Check = never) -> None:
        self.device = device
        self.check = check
        self.features = self._features()

    def open(self, service: str, *, timeout: float = IDLE_S) -> Stream:
        stream = self._dial()
        try:
            stream.request(self._transport(), timeout=timeout)
            stream.request(service, timeout=timeout)
        except BaseException:
            stream.close()
            raise
        return stream

    def close(self) -> None:
        """Nothing is held between streams."""

    def _dial(self) -> ServerStream:
        stream = dial(self.check)
        if stream is None:
            raise ConnectionLostError(details="the adb server is gone")
        return stream

    def _transport(self) -> str:
        if self.device.transport_id.isdigit():
            return f"host:transport-id:{self.device.transport_id}"
        return f"host:transport:{self.device.serial}"

    def _features(self) -> frozenset[str]:
        stream = self._dial()
        try:
            if self.device.transport_id.isdigit():
                stream.request(f"host-transport-id:{self.device.transport_id}:features")
            else:
                stream.request(f"host-serial:{self.device.serial}:features")
            return frozenset(_FEATURE.findall(stream.block()))
        finally:
            stream.close()
