"""A connection to a phone: what connects, and what can be asked over it."""

from __future__ import annotations

from collections.abc import Callable

from deploy.device.info import DeviceInfo
from deploy.device.shell import Check, never
from deploy.errors import NoDeviceError
from deploy.targets.android import commands, keys, phone_facts
from deploy.targets.android.adb_devices import AdbPhone, parse_address
from deploy.targets.android.sync import Sync
from deploy.targets.android.transports import adb_server
from deploy.targets.android.transports.base import Link

Opener = Callable[[Check], Link]
INFO_S = 30.0


def opener(found: AdbPhone, asked: Callable[[], None] | None = None) -> Opener:
    """What connects to this phone.

    Args:
        asked: Called when the phone shows its question, so that the person can be told to look at it.
    """

    def connect(check: Check) -> Link:
        if found.kind == "server":
            row = adb_server.ServerDevice(found.serial, "device", transport_id=found.transport_id)
            return adb_server.ServerLink(row, check)
        if found.kind == "tcp":
            from deploy.targets.android.transports import adb_shell_tcp

            address = parse_address(found.serial)
            if address is None:
                raise NoDeviceError(found.serial)
            return adb_shell_tcp.connect(*address, signers=keys.signers(), check=check, asked=asked)
        from deploy.targets.android.transports import adb_shell_usb

        name = found.key.removeprefix("usb:")
        return adb_shell_usb.connect(name, signers=keys.signers(), check=check, asked=asked)

    return connect


class AdbConnection:
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

    def __enter__(self) -> AdbConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. Never raises."""
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
        command, marker = phone_facts.command()
        return phone_facts.parse(commands.run(self.link, command, silence_s=INFO_S).out, marker)

    def free_bytes(self) -> int | None:
        """Space where our files go; None when the phone does not say."""
        return phone_facts.free_bytes(commands.run(self.link, f"df -k {phone_facts.FOLDER}", silence_s=INFO_S).out)

    def run(self, command: str, what: str, *, silence_s: float = INFO_S) -> str:
        """The output of a command that has to succeed; see ``commands.check``."""
        return commands.check(self.link, command, what, silence_s=silence_s)

    def files(self) -> Sync:
        """The file service."""
        return Sync(self.link)
