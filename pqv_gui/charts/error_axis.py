"""An axis of percentages on which equal distances mean equal ratios of what is missing to 100 %.

From 80 to 90 % is as far as from 90 to 95 %: either halves the errors.
"""

from __future__ import annotations

import math

import pyqtgraph as pg

_LEAST = 0.01  # percent missing that are still told apart
_APART = 26.0  # pixels between two ticks
_TICKS = (90, 80, 60, 0, 95, 99, 70, 85, 40, 75, 88, 20, 98, 50)
"""Percentages, those first that stand where there is no room for all."""


def place(percent: float) -> float:
    """Where a percentage lies along the axis."""
    return -math.log10(max(100.0 - percent, _LEAST))


def percent(place: float) -> float:
    """The percentage that lies at a place of the axis."""
    return 100.0 - float(10.0**-place)


class ErrorAxis(pg.AxisItem):  # type: ignore[misc]
    """The axis; positions are those that ``place`` gives."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Positions of the ticks, with their distance."""
        chosen: list[float] = []
        apart = _APART * (high - low) / max(size, 1.0)
        for at in map(place, _TICKS):
            if low <= at <= high and all(abs(at - other) >= apart for other in chosen):
                chosen.append(at)
        return [(1.0, chosen)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """What is written at the ticks."""
        return [f"{percent(value):.0f}" for value in values]
