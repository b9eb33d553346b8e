"""A phone on USB, without an adb server; an interface can be claimed by one program at a time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import usb1  # type: ignore[import-untyped]
from adb_shell.transport.usb_transport import UsbTransport, interface_matcher

from deploy.device.shell import Check, never
from deploy.errors import AccessError, BusyError, ConnectionLostError, NoDeviceError
from deploy.targets.android.transports.adb_shell_link import PERSON_S, AdbShellLink, Signer
from deploy.targets.android.transports.base import IDLE_S, SLICE_S
from pqv_core.errors import DeviceError

_ADB_INTERFACE = interface_matcher(0xFF, 0x42, 0x01)


@dataclass(frozen=True)
class UsbDevice:
    """An ADB interface on the bus. ``serial`` is empty where this user may not open the device."""

    serial: str
    path: str
    vendor: int
    problem: DeviceError | None
    device: Any
    setting: Any


class PatientUsbTransport(UsbTransport):  # type: ignore[misc]
    """The library's transport, with waits that a cancel ends, and zero-length packets.

    A payload that is a multiple of the endpoint's packet size is followed by an empty packet, as AOSP's
    ``usb_linux.cpp`` does; without it some phones wait for more.
    """

    def __init__(self, found: UsbDevice, check: Check) -> None:
        super().__init__(found.device, found.setting, usb_info=found.path, default_transport_timeout_s=IDLE_S)
        self._vendor = found.vendor
        self._check = check
        self._packet = 512

    def connect(self, transport_timeout_s: float | None = None) -> None:
        with usb_errors(self._vendor):
            super().connect(transport_timeout_s)
            for endpoint in self._setting.iterEndpoints():
                if endpoint.getAddress() == self._write_endpoint:
                    self._packet = endpoint.getMaxPacketSize() or self._packet

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None = None) -> bytes:
        deadline = time.monotonic() + (IDLE_S if transport_timeout_s is None else transport_timeout_s)
        while True:
            self._check()
            try:
                with usb_errors(self._vendor):
                    return bytes(self._handle().bulkRead(self._read_endpoint, numbytes, timeout=int(SLICE_S * 1000)))
            except usb1.USBErrorTimeout as error:
                if error.received:
                    return bytes(error.received)
                if time.monotonic() >= deadline:
                    raise ConnectionLostError(details="the phone was silent for too long") from error

    def bulk_write(self, data: bytes | memoryview, transport_timeout_s: float | None = None) -> int:
        deadline = time.monotonic() + (IDLE_S if transport_timeout_s is None else transport_timeout_s)
        rest = bytes(data)
        while rest:
            self._check()
            try:
                with usb_errors(self._vendor):
                    sent = self._handle().bulkWrite(self._write_endpoint, rest, timeout=int(SLICE_S * 1000))
            except usb1.USBErrorTimeout as error:
                sent = error.transferred
                if not sent and time.monotonic() >= deadline:
                    raise ConnectionLostError(details="the phone took nothing for too long") from error
            rest = rest[sent:]
        if len(data) % self._packet == 0:
            with usb_errors(self._vendor):
                self._handle().bulkWrite(self._write_endpoint, b"", timeout=int(IDLE_S * 1000))
        return len(data)

    def _handle(self) -> Any:
        if self._transport is None:
            raise ConnectionLostError(details="not connected")
        return self._transport


@contextlib.contextmanager
def usb_errors(vendor: int | None = None) -> Iterator[None]:
    """libusb's errors as ours; a timeout passes through."""
    try:
        yield
    except usb1.USBErrorTimeout:
        raise
    except usb1.USBErrorAccess as error:
        raise AccessError(vendor=vendor, details=str(error)) from error
    except usb1.USBErrorBusy as error:
        raise BusyError(details=str(error)) from error
    except usb1.USBError as error:
        raise ConnectionLostError(details=f"{type(error).__name__}: {error}") from error


def devices(context: Any = None) -> list[UsbDevice]:
    """Phones on the bus, also those that cannot be opened.

    Args:
        context: An open ``usb1.USBContext``; the library's own when None.
    """
    found = []
    with usb_errors():
        for device in (context or UsbTransport.USB1_CTX).getDeviceList(skip_on_error=True):
            setting = _ADB_INTERFACE(device)
            if setting is not None:
                found.append(_describe(device, setting))
    return found


def _describe(device: Any, setting: Any) -> UsbDevice:
    vendor = int(device.getVendorID())
    serial, problem = "", None
    try:
        with usb_errors(vendor):
            serial = str(device.getSerialNumber() or "")
    except DeviceError as error:
        problem = error
    path = "-".join(map(str, [device.getBusNumber(), *device.getPortNumberList()]))
    return UsbDevice(serial[:255], path, vendor, problem, device, setting)


def connect(
    serial: str,
    *,
    signers: list[Signer],
    check: Check = never,
    asked: Callable[[], None] | None = None,
    patience_s: float = PERSON_S,
    context: Any = None,
) -> AdbShellLink:
    """Connect to the phone with this serial, or on this USB path.

    Raises:
        DeviceError: It is not there, may not be opened, is held by another program, or refuses the key.
    """
    found = next((item for item in devices(context) if serial in (item.serial, item.path)), None)
    if found is None:
        raise NoDeviceError(serial)
    if found.problem:
        raise found.problem
    return AdbShellLink(
        PatientUsbTransport(found, check),
        kind="usb",
        name=serial,
        signers=signers,
        check=check,
        asked=asked,
        patience_s=patience_s,
    )
