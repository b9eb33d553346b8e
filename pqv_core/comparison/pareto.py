"""Which of several points no other one beats."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the Pareto front, from the lowest cost to the highest value.

    A point is on it when no other costs at most as much and is worth at least as much, with one of the two better;
    so equal points are on it together.

    Args:
        points: Cost (less is better) and value (more is better), both finite.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1]))
    chosen: list[int] = []
    for index in order:
        best = points[chosen[-1]] if chosen else None
        if best is None or points[index][1] > best[1] or points[index] == best:
            chosen.append(index)
    return chosen
