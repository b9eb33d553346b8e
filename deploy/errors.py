"""What can go wrong with a phone; continues the tree of ``pqv_core.errors``.

DeviceError
├── DeviceAwayError          whatever is asked of the phone would fail
│   ├── NoDeviceError        no such phone is connected
│   ├── UnauthorizedError    the phone has not allowed this computer
│   ├── OfflineError         connected, but not answering
│   ├── AccessError          the operating system keeps this user from the USB device
│   ├── BusyError            another program holds the USB interface
│   ├── WrongModeError       recovery, sideload, bootloader
│   ├── PairingError         the port wants TLS pairing
│   └── ConnectionLostError  unplugged, rebooted, or silent for too long
├── ProtocolError            the phone said what no phone should say
├── CommandError             a command on the phone failed
├── DeviceFullError          no space left on the phone
├── IncompatibleError        the file cannot run there; carries all problems
├── RuntimeLibraryError      the runtime's libraries cannot be had or are not what they should be
├── RunnerError              the benchmark program failed on the phone
└── OverheatedError          stopped because the phone was too hot
"""

from __future__ import annotations

from collections.abc import Sequence

from deploy.device import bounded
from pqv_core.errors import DeviceAwayError, DeviceError, ErrorInfo, PqvError, ToldError


class NoDeviceError(DeviceAwayError):
    """No such phone is connected."""

    def __init__(self, serial: str = "", *, details: str = "") -> None:
        message = f"The device {serial} is not connected." if serial else "No device found."
        action = "Try another cable or port; on a phone, turn on USB debugging."
        super().__init__(message, action=action, details=details)


class UnauthorizedError(DeviceAwayError):
    """The phone has not allowed this computer."""

    def __init__(self, *, details: str = "") -> None:
        super().__init__(
            "The phone has not authorized this computer yet.",
            action="Unlock the phone and tap Allow.",
            details=details,
        )


class OfflineError(DeviceAwayError):
    """Connected, but not answering."""

    def __init__(self, *, details: str = "") -> None:
        super().__init__(
            "The device is connected but not responding.", action="Reconnect it and try again.", details=details
        )


class AccessError(DeviceAwayError):
    """The operating system keeps this user from the USB device."""

    def __init__(self, *, vendor: int | None = None, details: str = "") -> None:
        rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor or 0x18D1:04x}", MODE="0660", TAG+="uaccess"'
        super().__init__(
            "No permission for the phone's USB connection.",
            action=f"Add this udev rule in /etc/udev/rules.d/51-android.rules, then replug: {rule}",
            details=details,
        )


class BusyError(DeviceAwayError):
    """Another program holds the USB interface."""

    def __init__(self, *, details: str = "") -> None:
        super().__init__(
            "Another program (adb, Android Studio, scrcpy) is using the phone.",
            action="Close that program, or start an adb server to share the phone (adb start-server).",
            details=details,
        )


class WrongModeError(DeviceAwayError):
    """Recovery, sideload, bootloader, …"""

    def __init__(self, mode: str) -> None:
        super().__init__(f"The phone is in {mode} mode.", action="Start Android normally.")


class PairingError(DeviceAwayError):
    """The port speaks TLS or refuses."""

    def __init__(self, address: str, *, details: str = "") -> None:
        super().__init__(
            f"{address} is not a phone with USB debugging over Wi-Fi.",
            action="Pair the phone with this computer first, or connect it by cable.",
            details=details,
            command="adb pair HOST:PORT, or adb tcpip 5555 while it is connected by cable",
        )


class NoAnswerError(PairingError):
    """Nothing listens at the address."""

    def __init__(self, address: str, *, details: str = "") -> None:
        super().__init__(address, details=details)
        self.message = f"No phone answers at {address}."


class ConnectionLostError(DeviceAwayError):
    """Unplugged, rebooted, or silent for too long."""

    def __init__(self, *, details: str = "") -> None:
        super().__init__(
            "The connection to the device was lost.",
            action="Check the cable or Wi-Fi, wait until the device is ready and run again.",
            details=details,
        )


class ProtocolError(DeviceError):
    """The phone said what no phone should say."""

    def __init__(self, details: str) -> None:
        super().__init__(
            "The device sent an unexpected answer.",
            action="Reconnect it and try again; update its system if this recurs.",
            details=bounded.lines(details, 2000),
        )


class CommandError(DeviceError):
    """A command on the phone failed.

    Args:
        what: What was being done, such as ``making the folder``.
    """

    def __init__(self, what: str, *, code: int | None = None, output: str = "") -> None:
        said = bounded.text(output.strip().splitlines()[-1], 200) if output.strip() else ""
        super().__init__(
            f"The device failed at {what}{f': {said}' if said else ''}.",
            action="Restart the device if it recurs.",
            details=f"exit code {code}\n{bounded.lines(output)}",
        )


class DeviceFullError(DeviceError):
    """No space left on the phone."""

    def __init__(self, *, needed: int, free: int | None = None) -> None:
        have = f", {free / 1e6:.0f} MB are free" if free is not None else ""
        super().__init__(
            f"The device has too little space: {needed / 1e6:.0f} MB are needed{have}.",
            action="Free some space on the device and run again.",
        )


class IncompatibleError(DeviceError):
    """The file cannot run on this phone.

    Args:
        problems: (problem, remedy) pairs, all of them.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            " ".join(problem for problem, _ in problems),
            action=" ".join(dict.fromkeys(remedy for _, remedy in problems)),
        )


class RuntimeLibraryError(DeviceError):
    """The Android runtime's libraries cannot be had, or are not what they should be."""


class RunnerError(DeviceError):
    """The benchmark program failed on the phone."""


class OverheatedError(DeviceError):
    """Stopped because the phone was too hot."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"The measurement was stopped: the device reports severe heat (thermal status {status}).",
            action="Let the device cool down, take a phone out of its case, and measure again.",
        )


def told(info: ErrorInfo) -> PqvError:
    """An error that was told, as one that can be raised; of a phone that is away it is still known."""
    if isinstance(kind := globals().get(info.kind), type) and issubclass(kind, DeviceAwayError):
        return DeviceAwayError(info.message, action=info.action, details=info.details, command=info.command)
    return ToldError(info)
