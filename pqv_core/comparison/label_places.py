"""Where names go beside the marks of a chart: wherever there is room, and nowhere over another name or a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_GAP = 3.0  # between a mark and its name


class Box(NamedTuple):
    """A rectangle; y goes downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they have a point in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Whether the other one lies within."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def places(
    marks: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    *,
    area: Box,
    radius: float,
    others: Sequence[tuple[float, float]] = (),
) -> list[Box | None]:
    """A place for the name of each mark, those first that come first; None where there is no room.

    Args:
        marks: Their middles.
        sizes: Width and height of each name.
        area: What holds the names.
        radius: Of a mark.
        others: Middles of marks that have no names, and are not written over either.
    """
    taken = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in (*marks, *others)]
    found: list[Box | None] = []
    for (x, y), (width, height) in zip(marks, sizes, strict=True):
        inside = area.left <= x <= area.right and area.top <= y <= area.bottom
        candidates = _around(x, y, width, height, radius + _GAP) if inside else []
        place = next(
            (box for box in candidates if area.holds(box) and not any(box.meets(each) for each in taken)), None
        )
        found.append(place)
        if place is not None:
            taken.append(place)
    return found


def _around(x: float, y: float, width: float, height: float, away: float) -> list[Box]:
    """Right, left, above and below of a mark, then at its corners."""
    lefts = {"right": x + away, "left": x - away - width, "middle": x - width / 2}
    tops = {"above": y - away - height, "below": y + away, "middle": y - height / 2}
    order = (
        ("right", "middle"),
        ("left", "middle"),
        ("middle", "above"),
        ("middle", "below"),
        ("right", "above"),
        ("left", "above"),
        ("right", "below"),
        ("left", "below"),
    )
    return [Box(lefts[h], tops[v], lefts[h] + width, tops[v] + height) for h, v in order]
