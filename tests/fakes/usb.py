"""libusb's bus with one phone on it: a bulk pipe to an ``Adbd``."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import usb1

from tests.fakes.adbd import Adbd

PACKET = 512


class Handle:
    """An opened device."""

    def __init__(self, daemon: Adbd) -> None:
        self._socket = socket.create_connection(("127.0.0.1", daemon.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.empty_packets = 0

    def kernelDriverActive(self, number: int) -> bool:
        return False

    def claimInterface(self, number: int) -> None:
        """Nothing else holds it."""

    def releaseInterface(self, number: int) -> None:
        """Nothing to give back."""

    def bulkRead(self, endpoint: int, length: int, *, timeout: int) -> bytearray:
        if not select.select([self._socket], [], [], timeout / 1000)[0]:
            silent = usb1.USBErrorTimeout()
            silent.received = bytearray()  # as libusb1 says what came before
            raise silent
        data = self._socket.recv(length)
        if not data:
            raise usb1.USBErrorNoDevice
        return bytearray(data)

    def bulkWrite(self, endpoint: int, data: bytes, *, timeout: int) -> int:
        if not data:
            self.empty_packets += 1
            return 0
        try:
            return self._socket.send(data)
        except OSError as error:
            raise usb1.USBErrorNoDevice from error

    def close(self) -> None:
        self._socket.close()


class Device:
    """What ``getDeviceList`` gives; ``denied`` as without a udev rule, ``held`` as when adb has the phone."""

    def __init__(
        self, daemon: Adbd, serial: str = "USB0001", *, port: int = 2, denied: bool = False, held: bool = False
    ) -> None:
        self._daemon, self._serial, self._port, self._denied, self._held = daemon, serial, port, denied, held
        self.handles: list[Handle] = []

    def getVendorID(self) -> int:
        return 0x04E8

    def getSerialNumber(self) -> str:
        if self._denied:
            raise usb1.USBErrorAccess
        return self._serial

    def getBusNumber(self) -> int:
        return 1

    def getPortNumberList(self) -> list[int]:
        return [4, self._port]

    def iterSettings(self) -> Iterator[SimpleNamespace]:
        ends = [
            SimpleNamespace(getAddress=lambda: 0x81, getMaxPacketSize=lambda: PACKET),
            SimpleNamespace(getAddress=lambda: 0x01, getMaxPacketSize=lambda: PACKET),
        ]
        yield SimpleNamespace(
            getClass=lambda: 0xFF,
            getSubClass=lambda: 0x42,
            getProtocol=lambda: 0x01,
            getNumber=lambda: 0,
            iterEndpoints=lambda: iter(ends),
        )

    def open(self) -> Handle:
        if self._held:
            raise usb1.USBErrorBusy
        self.handles.append(Handle(self._daemon))
        return self.handles[-1]


def bus(*devices: Device) -> SimpleNamespace:
    """A ``usb1.USBContext``."""
    return SimpleNamespace(getDeviceList=lambda skip_on_error: list(devices))
