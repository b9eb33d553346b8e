"""Which phones are there, in which state, and what a person can do about it.

Where an adb server runs, it is asked, for it holds the USB interfaces; else the bus is looked at. Phones on Wi-Fi are
known to the server, or named as HOST:PORT.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.errors import (
    AccessError,
    BusyError,
    ConnectionLostError,
    NoDeviceError,
    OfflineError,
    UnauthorizedError,
    WrongModeError,
)
from deploy.transports import adb_server
from deploy.transports.base import Check, Kind, never
from pqv_core.errors import DeviceError

State = Literal["ready", "unauthorized", "offline", "no_permission", "busy", "wrong_mode"]

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


@dataclass(frozen=True)
class Found:
    """A phone that is connected.

    Attributes:
        key: Names this one among all that are connected, even where two have the same serial.
        mode: The word for a state that is not Android's normal one.
    """

    key: str
    serial: str
    kind: Kind
    state: State
    model: str = ""
    transport_id: str = ""
    mode: str = ""
    over_wifi: bool = False

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

    @property
    def sentence(self) -> str:
        """Its state for a person."""
        problem = self.problem()
        return str(problem) if problem else "Ready."


def find(check: Check = never) -> list[Found]:
    """All phones that can be seen now, those of the adb server first; empty when there is none."""
    known = adb_server.devices(check)
    return _on_bus() if known is None else from_server(known)


def from_server(rows: list[adb_server.ServerDevice]) -> list[Found]:
    """The server's words as ours. Among equal serials, the key is the USB path or the number the server gives."""
    times = Counter(row.serial for row in rows)
    found = []
    for row in rows:
        state = _SERVER_STATES.get(row.state, "wrong_mode" if row.state in _MODES else "offline")
        twin = times[row.serial] > 1 or set(row.serial) == {"?"}
        found.append(
            Found(
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


def _on_bus() -> list[Found]:
    try:
        from deploy.transports import adb_shell_usb
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
        found.append(Found(key=key, serial=row.serial or row.path, kind="usb", state=state))
    return found


def _is_address(text: str) -> bool:
    return parse_address(text) is not None


def parse_address(text: str) -> tuple[str, int] | None:
    """HOST:PORT, or None when it is something else."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.%\w]{2,60}\]|[\w.-]{1,253}):(\d{1,5})", text)
    if not found or not 0 < int(found[2]) < 65536 or found[1] in ("usb", "id"):
        return None
    return found[1].strip("[]"), int(found[2])


def choose(wanted: str, found: list[Found]) -> Found:
    """The phone that a person named by key, serial or HOST:PORT; the only one for an empty name.

    Raises:
        DeviceError: None fits, several do, or it is not ready.
    """
    fitting = [item for item in found if wanted in ("", item.key)] or [i for i in found if i.serial == wanted]
    if not fitting and (address := parse_address(wanted)):
        return Found(key=wanted, serial=f"{address[0]}:{address[1]}", kind="tcp", state="ready", over_wifi=True)
    if not fitting:
        raise NoDeviceError(wanted)
    if len(fitting) > 1:
        names = ", ".join(f"{item.key} ({item.model or item.sentence})" for item in fitting)
        raise DeviceError("Several phones match.", action=f"Choose one of: {names}.")
    if problem := fitting[0].problem():
        raise problem
    return fitting[0]


def watch(check: Check, pause: Callable[[float], object]) -> Iterator[list[Found]]:
    """The phones now, and again after every change, until ``check`` or ``pause`` raises.

    Args:
        check: Asked several times a second.
        pause: Lets the given number of seconds pass; used while no adb server runs.
    """
    last: list[Found] | None = None
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
