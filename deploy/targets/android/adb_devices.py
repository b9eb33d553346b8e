"""Which phones ADB sees, in which state, and what a person can do about it.

Where an adb server runs, it is asked, for it holds the USB interfaces; else the bus is looked at. Phones on Wi-Fi are
known to the server, or named as HOST:PORT.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.device.shell import Check, never
from deploy.device.target import Found, State
from deploy.errors import (
    AccessError,
    BusyError,
    ConnectionLostError,
    OfflineError,
    UnauthorizedError,
    WrongModeError,
)
from deploy.targets.android.transports import adb_server
from deploy.targets.android.transports.base import Kind
from pqv_core.errors import DeviceError

_SERVER_STATES: dict[str, State] = {
    "device": "ready",
    "unauthorized": "unauthorized",
    "authorizing": "unauthorized",
    "connecting": "offline",
    "offline": "offline",
    "no permissions": "no_permission",
}
_MODES = {"recovery", "rescue", "sideload", "bootloader", "host"}
_POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class AdbPhone(Found):
    """A phone that is connected.

    Attributes:
        kind: How it is reached.
        mode: The word for a state that is not Android's normal one.
    """

    target: str = "android"
    kind: Kind
    transport_id: str = ""
    mode: str = ""
    over_wifi: bool = False

    @property
    def connection(self) -> str:
        """What a person calls the way to it."""
        return "Wi-Fi" if self.over_wifi else "USB"

    @property
    def through(self) -> str:
        """Whether an adb server, TCP or the bus carries the connection."""
        return self.kind

    @property
    def session(self) -> str:
        """Is another one after it was replugged."""
        return f"{self.kind} {self.transport_id} {self.mode}"

    @property
    def exclusive(self) -> bool:
        """Whether asking it takes it from other programs: an interface on the bus has one user at a time."""
        return self.kind == "usb"

    def problem(self) -> DeviceError | None:
        """Why it cannot be used yet, with what to do; None when it is ready."""
        match self.state:
            case "ready":
                return None
            case "unauthorized":
                return UnauthorizedError()
            case "offline":
                return OfflineError()
            case "no_permission":
                return AccessError()
            case "busy":
                return BusyError()
            case "wrong_mode":
                return WrongModeError(self.mode)


def find(check: Check = never) -> list[AdbPhone]:
    """All phones that can be seen now, those of the adb server first; empty when there is none."""
    known = adb_server.devices(check)
    return _on_bus() if known is None else from_server(known)


def from_server(rows: list[adb_server.ServerDevice]) -> list[AdbPhone]:
    """The server's words as ours. Among equal serials, the key is the USB path or the number the server gives."""
    times = Counter(row.serial for row in rows)
    found = []
    for row in rows:
        state = _SERVER_STATES.get(row.state, "wrong_mode" if row.state in _MODES else "offline")
        twin = times[row.serial] > 1 or set(row.serial) == {"?"}
        found.append(
            AdbPhone(
                key=f"usb:{row.usb}" if twin and row.usb else f"id:{row.transport_id}" if twin else row.serial,
                serial=row.serial,
                kind="server",
                state=state,
                model=row.model,
                transport_id=row.transport_id,
                mode=row.state,
                over_wifi=_is_address(row.serial) or "_adb-tls-connect" in row.serial,
            )
        )
    return found


def _on_bus() -> list[AdbPhone]:
    try:
        from deploy.targets.android.transports import adb_shell_usb
    except (ImportError, OSError):
        return []
    try:
        rows = adb_shell_usb.devices()
    except DeviceError:
        return []
    times = Counter(row.serial for row in rows)
    found = []
    for row in rows:
        state: State = "ready"
        if row.problem:
            state = "no_permission" if isinstance(row.problem, AccessError) else "busy"
        key = row.serial if row.serial and times[row.serial] == 1 else f"usb:{row.path}"
        found.append(AdbPhone(key=key, serial=row.serial or row.path, kind="usb", state=state))
    return found


def _is_address(text: str) -> bool:
    return parse_address(text) is not None


def parse_address(text: str) -> tuple[str, int] | None:
    """HOST:PORT, or None when it is something else."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.%\w]{2,60}\]|[\w.-]{1,253}):(\d{1,5})", text)
    if not found or not 0 < int(found[2]) < 65536 or found[1] in ("usb", "id"):
        return None
    return found[1].strip("[]"), int(found[2])


def named(text: str) -> AdbPhone | None:
    """The phone at HOST:PORT; None where the text is something else."""
    return AdbPhone(key=text, serial=text, kind="tcp", over_wifi=True) if _is_address(text) else None


def watch(check: Check, pause: Callable[[float], object]) -> Iterator[list[AdbPhone]]:
    """The phones now, and again after every change, until ``check`` or ``pause`` raises.

    Args:
        check: Asked several times a second.
        pause: Lets the given number of seconds pass; used while no adb server runs.
    """
    last: list[AdbPhone] | None = None
    while True:
        with contextlib.suppress(ConnectionLostError):
            for rows in adb_server.track(check):
                last = from_server(rows)
                yield last
        current = find(check)
        if current != last:
            last = current
            yield current
        pause(_POLL_S)
        check()
