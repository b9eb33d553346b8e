"""Growing lists of figures, cheap to append to and to hand to a chart."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import deque

WINDOW = 15
"""Iterations over which the running median is taken."""


class Curve:
    """Points of one curve, in the order in which they came."""

    def __init__(self) -> None:
        self.x = array("d")
        self.y = array("d")

    def __len__(self) -> int:
        return len(self.x)

    def add(self, x: float, y: float) -> None:
        """Append one point."""
        self.x.append(x)
        self.y.append(y)

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.y[-1] if self.y else None


class RunningMedian:
    """Median of the last ``window`` values, kept sorted: a new value costs a search, not a sort."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, value: float) -> float:
        """Take a value in and return the median of the window."""
        self._recent.append(value)
        insort(self._sorted, value)
        if len(self._recent) > self._window:
            oldest = self._recent.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        middle = len(self._sorted) // 2
        if len(self._sorted) % 2:
            return self._sorted[middle]
        return (self._sorted[middle - 1] + self._sorted[middle]) / 2


class LatencySeries:
    """Timed inferences of one artefact in milliseconds, and their running median."""

    def __init__(self) -> None:
        self.samples = Curve()
        self.medians = Curve()
        self._median = RunningMedian()

    def add(self, index: int, ns: int) -> None:
        """Append one inference."""
        ms = ns / 1e6
        self.samples.add(index, ms)
        self.medians.add(index, self._median.add(ms))

    @property
    def median(self) -> float | None:
        """The running median, in milliseconds."""
        return self.medians.last
