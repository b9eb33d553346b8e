"""A phone that is ready: connected, described, and connected again after it was lost."""

from __future__ import annotations

from collections.abc import Callable

from deploy.device import info as device_info
from deploy.device import keys, shell
from deploy.device.discovery import Found, parse_address
from deploy.device.info import DeviceInfo
from deploy.device.sync import Sync
from deploy.errors import NoDeviceError
from deploy.transports import adb_server
from deploy.transports.base import Check, Link, never

Opener = Callable[[Check], Link]
INFO_S = 30.0


def opener(found: Found, asked: Callable[[], None] | None = None) -> Opener:
    """What connects to this phone.

    Args:
        asked: Called when the phone shows its question, so that the person can be told to look at it.
    """

    def connect(check: Check) -> Link:
        if found.kind == "server":
            row = adb_server.ServerDevice(found.serial, "device", transport_id=found.transport_id)
            return adb_server.ServerLink(row, check)
        if found.kind == "tcp":
            from deploy.transports import adb_shell_tcp

            address = parse_address(found.serial)
            if address is None:
                raise NoDeviceError(found.serial)
            return adb_shell_tcp.connect(*address, signers=keys.signers(), check=check, asked=asked)
        from deploy.transports import adb_shell_usb

        name = found.key.removeprefix("usb:")
        return adb_shell_usb.connect(name, signers=keys.signers(), check=check, asked=asked)

    return connect


class Device:
    """A connection to one phone, for one piece of work in one thread.

    Args:
        name: The name under which its results are kept, usually the serial.
        connect: Makes a connection whose waits end by the given check.
        check: Asked during every wait; what it raises ends the wait.
    """

    def __init__(self, name: str, connect: Opener, check: Check = never) -> None:
        self.name = name
        self._connect = connect
        self._check = check
        self.link = connect(check)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.link.close()

    def reopen(self, *, check: Check | None = None) -> None:
        """Connect anew: after a failure or a cancel, an old connection may stand in the middle of something.

        Args:
            check: For the new connection; None keeps the old one's.
        """
        self.link.close()
        self._check = check or self._check
        self.link = self._connect(self._check)

    def info(self) -> DeviceInfo:
        """The phone's facts, as they are now."""
        command, marker = device_info.command()
        return device_info.parse(shell.run(self.link, command, silence_s=INFO_S).out, marker)

    def free_bytes(self) -> int | None:
        """Space where our files go; None when the phone does not say."""
        return device_info.free_bytes(shell.run(self.link, f"df -k {device_info.FOLDER}", silence_s=INFO_S).out)

    def run(self, command: str, what: str, *, silence_s: float = INFO_S) -> str:
        """The output of a command that has to succeed; see ``shell.check``."""
        return shell.check(self.link, command, what, silence_s=silence_s)

    def files(self) -> Sync:
        """The file service."""
        return Sync(self.link)
