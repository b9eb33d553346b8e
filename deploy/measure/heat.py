"""What a device's heat did during a measurement."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.device.info import SEVERE, DeviceInfo, Reading
from pqv_core.results.stability import DRIFT, drift

_MODERATE = 2
_MAX_READINGS = 100_000


@dataclass
class HeatLog:
    """What was read of a device's heat while a program ran.

    Attributes:
        readings: Of the whole time, the newest last; of very many, every other one is let go.
        fixed_performance: Whether the device has granted a clock that it can hold.
    """

    readings: list[Reading] = field(default_factory=list)
    fixed_performance: bool = False

    def add(self, item: Reading) -> None:
        """Keep one more."""
        if len(self.readings) >= _MAX_READINGS:
            del self.readings[1::2]
        self.readings.append(item)

    @property
    def severe(self) -> int | None:
        """The thermal status once it is so high that measuring must stop."""
        status = self.readings[-1].status if self.readings else None
        return status if status is not None and status >= SEVERE else None


def live(item: Reading, before: DeviceInfo) -> dict[str, float]:
    """What a person watches while it is measured, as far as the phone tells: status, °C, lowest clock, watts.

    Args:
        before: Facts from before the measurement. The clock is a share of what the hardware can.
    """
    limits = [policy.max_khz for policy in before.policies]
    shares = [cap / top for cap, top in zip(item.caps_khz, limits, strict=False) if top]
    known = {
        "thermal_status": item.status,
        "celsius": item.celsius,
        "clock": min(shares) if shares and len(limits) == len(item.caps_khz) else None,
        "watt": item.watt,
    }
    return {name: float(value) for name, value in known.items() if value is not None}


def throttled(samples: Sequence[int], before: DeviceInfo, log: HeatLog) -> bool:
    """Whether heat changed the result: by the phone's word, by a cap that came during the run, or by drift."""
    limits = [policy.max_khz for policy in before.policies]
    start = [policy.cap_khz for policy in before.policies]
    lowered = any(
        cap < (first or top or 0)
        for item in log.readings
        if len(item.caps_khz) == len(limits)
        for cap, first, top in zip(item.caps_khz, start, limits, strict=True)
    )
    said = any((item.status or 0) >= _MODERATE for item in log.readings)
    return said or lowered or (drift(samples) or 1.0) > DRIFT


def energy(samples: Sequence[int], before: DeviceInfo, log: HeatLog) -> float | None:
    """Joules of the whole phone for one inference; None while it charges or where it does not tell."""
    watts = [item.watt for item in log.readings if item.watt is not None]
    if before.battery.status in (None, 2, 5) or len(watts) < 3:
        return None
    return statistics.fmean(watts) * statistics.fmean(samples) / 1e9


def mean_khz(before: DeviceInfo, after: DeviceInfo) -> dict[str, float]:
    """Mean clock of each group of cores between two moments, from the kernel's residency counters."""
    old = {policy.name: policy.residency for policy in before.policies}
    means = {}
    for policy in after.policies:
        spent = {khz: ticks - old.get(policy.name, {}).get(khz, 0) for khz, ticks in policy.residency.items()}
        total = sum(ticks for ticks in spent.values() if ticks > 0)
        if total > 0:
            means[policy.name] = sum(khz * ticks for khz, ticks in spent.items() if ticks > 0) / total
    return means


def summary(samples: Sequence[int], *, before: DeviceInfo, after: DeviceInfo, log: HeatLog) -> dict[str, Any]:
    """What is kept with a measurement; only what the phone told."""
    statuses = [item.status for item in log.readings if item.status is not None]
    facts: dict[str, Any] = {
        "celsius_before": before.battery.celsius,
        "celsius_after": after.battery.celsius,
        "battery_before": before.battery.level,
        "battery_after": after.battery.level,
        "charging": before.battery.charging if before.battery.status else None,
        "status_before": before.thermal_status,
        "status_peak": max(statuses, default=None),
        "capped_before": list(before.capped) or None,
        "capped_after": list(after.capped) or None,
        "mean_khz": mean_khz(before, after) or None,
        "drift": drift(samples),
        "fixed_performance": log.fixed_performance or None,
        "joule_an_inference": energy(samples, before, log) if samples else None,
    }
    return {name: value for name, value in facts.items() if value is not None}
