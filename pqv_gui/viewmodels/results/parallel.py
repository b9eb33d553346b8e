"""Lines over parallel axes, as data: one line a trial, one axis a setting or a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ParallelAxis:
    """An axis.

    Attributes:
        ticks: Places from 0 (below) to 1 (above), and what stands there.
        better: It is a figure whose better values are above.
    """

    name: str
    ticks: tuple[tuple[float, str], ...]
    better: bool = False


@dataclass(frozen=True, eq=False)
class Parallel:
    """The whole chart; another one is another object.

    Attributes:
        places: A row a line, a column an axis, from 0 to 1.
        names: What each line is called.
        texts: What each line has at each axis, for tables.
        front: Rows that stand out.
    """

    axes: tuple[ParallelAxis, ...]
    places: NDArray[np.float64]
    names: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    front: tuple[int, ...] = ()

    def begins_with(self, other: Parallel) -> bool:
        """Whether it is the other one with further lines at its end."""
        count = len(other.names)
        return (
            self.axes == other.axes
            and self.names[:count] == other.names
            and bool((self.places[:count] == other.places).all())
        )

    def nearest(self, x: float, y: float) -> tuple[int, float]:
        """The line that runs closest, and how far above or below it is.

        Args:
            x: From the first axis (0) to the last (how many there are, less 1).
            y: From 0 to 1.
        """
        left = min(max(int(x), 0), len(self.axes) - 2)
        share = x - left
        heights = (1 - share) * self.places[:, left] + share * self.places[:, left + 1]
        distances = np.abs(heights - y)
        row = int(distances.argmin())
        return row, float(distances[row])
