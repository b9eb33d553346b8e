"""How many units each width keeps."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from pqv_core.config import PruneConfig
from pqv_core.engine.structure import Ranking, Width, attention, mlp
from pqv_core.models.kept_widths import kept_width, shared_out, step_ratio

_NOTHING = 1e-3


@dataclass(frozen=True)
class Scored:
    """All widths of a model with their units, scored and in order.

    Attributes:
        original: Units of each width, by its name, before anything was cut.
        estimates_loss: Whether scores are what the loss would change by, or sizes.
    """

    widths: Sequence[Width]
    rankings: Sequence[Ranking]
    original: Mapping[str, int]
    estimates_loss: bool

    def comparable(self, places: Sequence[int]) -> list[list[float]]:
        """Scores of the units of several widths, by their places, in one unit of measure.

        What the loss would change by is in one already. The size of weights is not: layers differ in it by their place
        in the network more than by their worth, so it is relative to the mean of its own layer (as in LAMP, Lee et al.
        2021; docs/recovery.md has figures). But a layer whose weights are next to nothing beside the others' does
        nothing, and is measured by theirs. A channel of the embedding is one of every layer's, and counts for as many.
        """
        scores: list[Tensor] = [self.rankings[place].scores for place in places]
        if self.estimates_loss:
            return [mine.tolist() for mine in scores]
        means = [float(mine.mean()) for mine in scores]
        least = max(_NOTHING * sum(means) / len(means), sys.float_info.min)
        return [
            (mine.double() / max(mean, least) * _layers(self.widths[place])).tolist()
            for mine, mean, place in zip(scores, means, places, strict=True)
        ]


def _layers(width: Width) -> int:
    """How many layers a unit of a width is one of: the embedding's of all, also of those that are not to be cut."""
    if width.kind != "embedding":
        return 1
    model = width.scope
    return max(1, sum(1 for _ in (*mlp.widths(model), *attention.widths(model, "width"))))


class Allocation(Protocol):
    """Says how far each width is cut."""

    def kept(self, scored: Scored, *, step: int) -> list[int]:
        """Units of each width that stay after one of the steps, counted from 1.

        Raises:
            PruneError: What was asked for cannot be.
        """
        ...


class ByRatio:
    """The same share of all widths, or of each kind the best units wherever they are."""

    def __init__(self, config: PruneConfig) -> None:
        self._config = config

    def kept(self, scored: Scored, *, step: int) -> list[int]:
        """As ``Allocation.kept``."""
        config, widths = self._config, scored.widths
        ratio = step_ratio(config.ratio, step=step, steps=config.steps)
        roundings = [rounding(width, config) for width in widths]
        starts = [scored.original[width.name] for width in widths]
        if config.distribution == "uniform":
            return [kept_width(start, ratio=ratio, round_to=to) for start, to in zip(starts, roundings, strict=True)]
        kept = [0] * len(widths)
        for kind in {width.kind for width in widths}:
            places = [place for place, width in enumerate(widths) if width.kind == kind]
            shares = shared_out(
                scored.comparable(places), [starts[place] for place in places], ratio=ratio, limit=config.max_ratio
            )
            for place, share in zip(places, shares, strict=True):
                kept[place] = min(
                    kept_width(starts[place], ratio=share, round_to=roundings[place]), widths[place].units
                )
        return kept


def rounding(width: Width, config: PruneConfig) -> int:
    """What the number of units of a width is rounded to."""
    return 1 if width.unit == "heads" else config.rounding(heads=width.heads)
