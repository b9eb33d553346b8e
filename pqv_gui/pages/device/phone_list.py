"""The phones that are connected, this computer, what is known of each, and which are ticked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from deploy.device import discovery
from deploy.device.info import DeviceInfo
from deploy.device.target import Found
from deploy.targets import TARGETS
from pqv_core import formatting
from pqv_core.errors import ErrorInfo, PluginError, UsageError
from pqv_core.results.record import LOCAL
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.recent_projects import TextStore

LOW_BATTERY = 15  # percent; below it phones slow themselves down
STATES = {
    "ready": "ready",
    "asking": "connecting …",
    "waiting": "waiting for you",
    "unauthorized": "not authorized yet",
    "offline": "not responding",
    "no_permission": "no access",
    "busy": "in use by another program",
    "wrong_mode": "not booted into Android",
    "unreachable": "not reachable",
    "unsuitable": "cannot run it",
}
HEAT = ("not throttled", "warm", "throttled", "severe heat", "critical heat", "emergency", "shutting down")


@dataclass(frozen=True)
class PhoneRow:
    """One entry of the list.

    Attributes:
        found: How it is connected; None for this computer.
        info: None until it has told.
        problem: Why it cannot be used, with what to do.
        asking: It is being asked now.
        note: What the person should do meanwhile.
        by_hand: Named by the person as HOST:PORT.
    """

    key: str
    found: Found | None = None
    info: DeviceInfo | None = None
    problem: ErrorInfo | None = None
    asking: bool = False
    note: str = ""
    by_hand: bool = False
    suitable: bool = True

    @property
    def state(self) -> str:
        """A key of ``STATES``."""
        if self.found is None:
            return "ready"
        if self.found.state != "ready":
            return self.found.state
        if self.asking and self.info is None:
            return "waiting" if self.note else "asking"
        if not self.suitable:
            return "unsuitable"
        if self.problem is not None:
            return "unreachable"
        return "ready" if self.info is not None else "asking"

    @property
    def ready(self) -> bool:
        """Whether something can be measured on it."""
        return self.state == "ready"

    @property
    def name(self) -> str:
        """Maker and model, as a person knows it."""
        if self.found is None:
            return TARGETS[LOCAL].label
        if self.info is not None and self.info.name:
            return self.info.name
        return self.found.model or self.found.serial

    @property
    def sentence(self) -> str:
        """What stands in the way and what to do; empty when nothing does."""
        if self.note:
            return self.note
        if self.problem is not None:
            return f"{self.problem.message} {self.problem.action}".strip()
        return self.found.sentence if self.found is not None and self.found.state != "ready" else ""

    @property
    def connection(self) -> str:
        """How it is reached, and its serial."""
        if self.found is None:
            return ""
        return _joined((self.found.connection, self.found.serial))

    @property
    def facts(self) -> tuple[str, ...]:
        """Lines about the hardware and its present state, as far as it tells."""
        if self.info is None:
            return ()
        info = self.info
        hardware = (info.soc, info.system, info.abis[0] if info.abis else "")
        free = f"{formatting.size(info.free_bytes)} free" if info.free_bytes is not None else ""
        lines = [_joined(hardware), _joined((free, _battery(info), *_heat(info)))]
        return tuple(line for line in lines if line)

    @property
    def warning(self) -> str:
        """Something that will spoil the figures; empty when nothing does."""
        battery = self.info.battery if self.info is not None else None
        if battery is not None and battery.level is not None and battery.level < LOW_BATTERY and not battery.charging:
            return "The battery is low; the phone may throttle. Charge it first."
        return ""


def _joined(parts: Iterable[str]) -> str:
    return " · ".join(part for part in parts if part)


def _battery(info: DeviceInfo) -> str:
    level = f"battery {info.battery.level} %" if info.battery.level is not None else ""
    return f"{level}, charging" if level and info.battery.charging else level


def _heat(info: DeviceInfo) -> tuple[str, ...]:
    celsius = "" if info.battery.celsius is None else f"{info.battery.celsius:.0f} °C"
    status = "" if info.thermal_status is None else HEAT[min(info.thermal_status, len(HEAT) - 1)]
    return celsius, status if info.thermal_status or not info.capped else "clock limited"


class PhoneList(Observable):
    """What is connected, in the order in which it came, this computer last.

    Args:
        addresses: Where the addresses of phones on Wi-Fi are kept between two starts.
    """

    def __init__(self, addresses: TextStore) -> None:
        super().__init__()
        self._addresses = addresses
        self._rows: dict[str, PhoneRow] = {}
        self._ticks: dict[str, bool] = {}
        self.looked = False
        for text in addresses.read():
            with contextlib.suppress(PluginError):  # told by what watches
                if (found := discovery.named(text)) is not None:
                    self._rows[text] = PhoneRow(text, found, by_hand=True)

    # what is there -------------------------------------------------------------------------------------------

    @property
    def rows(self) -> tuple[PhoneRow, ...]:
        """Everything that can be measured on, ready or not."""
        return (*self._rows.values(), PhoneRow(LOCAL))

    @property
    def phones(self) -> tuple[PhoneRow, ...]:
        """The same without this computer."""
        return tuple(self._rows.values())

    @property
    def ready(self) -> tuple[PhoneRow, ...]:
        """The phones that can be used now."""
        return tuple(row for row in self._rows.values() if row.ready)

    def get(self, key: str) -> PhoneRow | None:
        """The entry with this key."""
        return PhoneRow(LOCAL) if key == LOCAL else self._rows.get(key)

    def take(self, found: Iterable[Found]) -> tuple[str, ...]:
        """What was found now; returns the keys of those that have just become usable and should be asked."""
        self.looked = True
        rows: dict[str, PhoneRow] = {}
        fresh: list[str] = []
        for item in found:
            before = self._rows.get(item.key)
            if before is not None and before.found is not None and _same(before.found, item):
                rows[item.key] = replace(before, found=item)
                continue
            rows[item.key] = PhoneRow(item.key, item)
            if item.state == "ready":
                fresh.append(item.key)
        serials = {row.found.serial for row in rows.values() if row.found}
        for key, row in self._rows.items():
            if row.by_hand and key not in rows and key not in serials:
                rows[key] = row
        self._rows = rows
        self.notify()
        return tuple(fresh)

    def add_address(self, text: str) -> str:
        """Add a phone on Wi-Fi by HOST:PORT; returns its key.

        Raises:
            UsageError: It is no address.
        """
        text = text.strip()
        found = discovery.named(text)
        if found is None:
            raise UsageError(
                f"“{text}” is not a phone address." if text else "The address is missing.",
                action="Enter host and port, for example 192.168.1.20:5555.",
            )
        if text not in self._rows:
            self._rows[text] = PhoneRow(text, found, by_hand=True)
        self._keep_addresses()
        self.notify()
        return text

    def forget(self, key: str) -> None:
        """Take out a phone that the person had added."""
        row = self._rows.get(key)
        if row is not None and row.by_hand:
            del self._rows[key]
            self._keep_addresses()
            self.notify()

    def _keep_addresses(self) -> None:
        self._addresses.write([row.key for row in self._rows.values() if row.by_hand])

    # what they tell ------------------------------------------------------------------------------------------

    def asking(self, key: str) -> None:
        """It is being asked."""
        self._change(key, asking=True, note="")

    def waiting(self, key: str) -> None:
        """The phone shows its question to the person."""
        self._change(key, note="Unlock the phone and tap Allow.")

    def told(self, key: str, info: DeviceInfo, problem: ErrorInfo | None = None) -> None:
        """It has told its facts.

        Args:
            problem: Why nothing can be measured on it although it answers.
        """
        self._change(key, info=info, problem=problem, asking=False, note="", suitable=problem is None)

    def failed(self, key: str, problem: ErrorInfo) -> None:
        """It could not be asked."""
        self._change(key, info=None, problem=problem, asking=False, note="", suitable=True)

    def warmth(self, key: str, celsius: float) -> None:
        """Its temperature, told while something is measured."""
        row = self._rows.get(key)
        if row is not None and row.info is not None and row.info.battery.celsius != celsius:
            battery = row.info.battery.model_copy(update={"celsius": celsius})
            self._change(key, info=row.info.model_copy(update={"battery": battery}))

    def _change(self, key: str, **values: object) -> None:
        row = self._rows.get(key)
        if row is not None:
            changed = replace(row, **values)  # type: ignore[arg-type]
            if changed != row:
                self._rows[key] = changed
                self.notify()

    # what is wanted ------------------------------------------------------------------------------------------

    def tick(self, key: str, wanted: bool) -> None:
        """Measure on it, or not. It is remembered for a phone that goes and comes back."""
        self._ticks[key] = wanted
        self.notify()

    def is_ticked(self, key: str) -> bool:
        """Whether it is wanted: what the person said, else the first phone that is ready."""
        if key in self._ticks:
            return self._ticks[key]
        ready = self.ready
        return bool(ready) and ready[0].key == key and not any(self._ticks.values())

    @property
    def chosen(self) -> tuple[PhoneRow, ...]:
        """What is ticked and ready."""
        return tuple(row for row in self.rows if row.ready and self.is_ticked(row.key))

    @property
    def shown(self) -> PhoneRow | None:
        """The phone that the line at the bottom tells of: a ready one before others, then a ticked one."""
        ordered = sorted(self.phones, key=lambda row: (not row.ready, not self.is_ticked(row.key)))
        return next(iter(ordered), None)

    @property
    def status(self) -> str:
        """The phone and its state in a few words: ``Pixel 7 · ready · 31 °C``."""
        row = self.shown
        if row is None:
            return "No phone" if self.looked else ""
        celsius = row.info.battery.celsius if row.info is not None else None
        words = (row.name, STATES[row.state], "" if celsius is None else f"{celsius:.0f} °C")
        return _joined(words)


def _same(one: Found, other: Found) -> bool:
    """Whether what was learned of a phone still holds: it was not replugged and its state is the same."""
    return (one.state, one.session) == (other.state, other.session)
