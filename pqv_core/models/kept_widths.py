"""How wide a layer stays when a share of it is cut. Pruning and its prediction both ask here."""

from __future__ import annotations

import math


def kept_width(width: int, *, ratio: float, round_to: int) -> int:
    """Channels left of ``width``: the multiple of ``round_to`` nearest to (1 − ratio) · width.

    At least ``round_to`` (or the whole width, when that is less), and never more than there were.
    """
    kept = max(1, round(width * (1 - ratio) / round_to)) * round_to
    return min(width, kept)


def step_ratio(ratio: float, *, step: int, steps: int) -> float:
    """Share of the original widths that is gone after ``step`` of ``steps`` equal steps."""
    return ratio * step / steps


def shared_out(scores: list[list[float]], starts: list[int], *, ratio: float, limit: float) -> list[float]:
    """The share that each width loses when the best units are kept, wherever they are.

    Args:
        scores: Of the units that each width has now, in any order.
        starts: Units that each width had before anything was cut.
        ratio: Share of all ``starts`` together that is cut.
        limit: No width loses more than this share of its own (or ``ratio``, when that is more).
    """
    least = [
        min(len(mine), math.ceil(start * (1 - max(limit, ratio)))) for mine, start in zip(scores, starts, strict=True)
    ]
    rest = [(score, place) for place, mine in enumerate(scores) for score in sorted(mine, reverse=True)[least[place] :]]
    free = max(0, round(sum(starts) * (1 - ratio)) - sum(least))
    kept = list(least)
    for _, place in sorted(rest, key=lambda pair: (-pair[0], pair[1]))[:free]:
        kept[place] += 1
    return [1 - mine / start for mine, start in zip(kept, starts, strict=True)]
