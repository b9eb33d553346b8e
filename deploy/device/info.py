"""What a device tells of itself: its facts, and how warm it is at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

SEVERE = 3


class _Frozen(BaseModel):
    """Can be shared with the window."""

    model_config = ConfigDict(frozen=True)


class CpuPolicy(_Frozen):
    """Cores that share a clock; frequencies in kHz. ``cap_khz`` below ``max_khz``: the device holds itself back."""

    name: str
    cores: tuple[int, ...]
    max_khz: int | None = None
    cap_khz: int | None = None
    now_khz: int | None = None
    residency: dict[int, int] = {}

    @property
    def capped(self) -> bool:
        """Whether the device allows less than the hardware can."""
        return bool(self.max_khz and self.cap_khz and self.cap_khz < self.max_khz)


class Battery(_Frozen):
    """``status``: 2 charging, 3 discharging, 4 not charging, 5 full."""

    level: int | None = None
    status: int | None = None
    celsius: float | None = None

    @property
    def charging(self) -> bool:
        """Whether current flows in, so that none of it can be counted as use."""
        return self.status in (2, 5)


class DeviceInfo(_Frozen):
    """What a device tells of itself; None or empty where it does not.

    Attributes:
        system: Its operating system, for a person: ``Android 14``.
        android: Android's own version, where it is that.
        abis: Instruction sets of programs that it runs, in Android's spelling, the best first.
        capacity: Relative speed of each core.
        thermal_status: On Android's scale: 0 none, 3 severe, 6 shutting down.
    """

    manufacturer: str = ""
    model: str = ""
    system: str = ""
    android: str = ""
    sdk: int | None = None
    soc: str = ""
    abis: tuple[str, ...] = ()
    page_size: int | None = None
    cores: int | None = None
    online: tuple[int, ...] = ()
    capacity: dict[int, int] = {}
    policies: tuple[CpuPolicy, ...] = ()
    memory_bytes: int | None = None
    available_bytes: int | None = None
    free_bytes: int | None = None
    battery: Battery = Battery()
    thermal_status: int | None = None
    current_ua: int | None = None
    voltage_uv: int | None = None

    @property
    def name(self) -> str:
        """Maker and model, as a person knows the device."""
        if self.model.lower().startswith(self.manufacturer.lower()):
            return self.model or "Phone"
        return f"{self.manufacturer} {self.model}".strip()

    @property
    def sort(self) -> str:
        """What tells devices of this sort from others: name, system, chip and instruction set."""
        return ", ".join(filter(None, (self.name, self.system, self.soc, next(iter(self.abis), ""))))

    @property
    def capped(self) -> tuple[str, ...]:
        """Names of the groups of cores that the device holds back."""
        return tuple(policy.name for policy in self.policies if policy.capped)

    @property
    def hot(self) -> bool:
        """Whether the device throttles, as far as it says."""
        return bool(self.thermal_status) or bool(self.capped)

    def big_cores(self) -> tuple[int, ...]:
        """The fast cores: at least half the largest capacity, or 0.8 of its clock; empty when all are alike."""
        clocks = {core: policy.max_khz for policy in self.policies for core in policy.cores if policy.max_khz}
        speed = self.capacity or clocks
        limit = (0.5 if self.capacity else 0.8) * max(speed.values(), default=0)
        big = tuple(sorted(core for core, value in speed.items() if value >= limit))
        return big if len(big) < len(speed) else ()


@dataclass(frozen=True)
class Reading:
    """A device at one moment: thermal status, clocks' caps in kHz by policy, A, V, °C of the battery."""

    status: int | None
    caps_khz: tuple[int, ...] = ()
    ampere: float | None = None
    volt: float | None = None
    celsius: float | None = None

    @property
    def watt(self) -> float | None:
        """Power drawn from the battery; None where the device does not tell."""
        return abs(self.ampere) * self.volt if self.ampere and self.volt else None
