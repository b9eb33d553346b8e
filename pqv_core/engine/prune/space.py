"""What each width may become with one embedding, and what that loses and costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pqv_core.config import PruneConfig
from pqv_core.config.prune import MAX_RATIO
from pqv_core.engine.prune.allocation import Scored, rounding
from pqv_core.engine.prune.sizes import SizeLine
from pqv_core.engine.structure import Width
from pqv_core.latency import knapsack, levels
from pqv_core.latency.knapsack import Choice
from pqv_core.latency.predict import Predictor

_CHOICES = 48  # of a width, about: blocks of 32 channels of the MLPs of a ViT-B
_EMBEDDINGS = 8  # narrower than the whole one, about: each is a knapsack of its own


@dataclass(frozen=True)
class Costs:
    """What a structure costs, measured or predicted.

    Attributes:
        share: Of the uncut model's latency; None where it is not known.
        size: Bytes of the file.
    """

    share: float | None
    size: float


@dataclass(frozen=True)
class Embedding:
    """One that the model may be given.

    Attributes:
        name: Of its width.
        loss: What is lost by it, in the unit of all widths.
    """

    name: str
    units: int
    loss: float


class Space:
    """All that there is to choose from.

    Args:
        scores: Of the units of each width, in one unit of measure.
        embedding: None where it is not cut.
        predictor: Of latencies with it; None where they do not matter.
        sizes: With it.
        blocks: Names of those that may be left out, by the names of their widths.
    """

    def __init__(
        self,
        scored: Scored,
        scores: Sequence[Sequence[float]],
        pruning: PruneConfig,
        *,
        embedding: Embedding | None,
        predictor: Predictor | None,
        sizes: SizeLine,
        blocks: Mapping[str, str],
    ) -> None:
        self.embedding = embedding
        self._scored, self._pruning = scored, pruning
        self._predictor, self._sizes, self._blocks = predictor, sizes, blocks
        self._groups = self._together()
        self.parts = [self._choices(scores, group) for group in self._groups]

    @property
    def loss(self) -> float:
        """What the embedding alone loses."""
        return self.embedding.loss if self.embedding is not None else 0.0

    @property
    def rest(self) -> Costs:
        """What it costs whatever is chosen."""
        size = self._sizes.rest(self._scored.original)
        if self._predictor is None:
            return Costs(0.0, size)
        around = sum(map(self._predictor.around, set(self._blocks.values())))
        names = [name for name in self._scored.original if name in self._sizes.units]
        inside = sum(self._predictor.part(name, self._scored.original[name]) for name in names)
        return Costs(self._predictor.share({}) - inside - around, size)

    def units(self, choices: Sequence[Choice]) -> dict[str, int]:
        """Units of every width, none of those that were left out before."""
        found = dict.fromkeys(self._scored.original, 0)
        for group, choice in zip(self._groups, choices, strict=True):
            found |= {self._scored.widths[place].name: kept for place, kept in zip(group, choice.units, strict=True)}
        if self.embedding is not None:
            found[self.embedding.name] = self.embedding.units
        return found

    def predicted(self, units: Mapping[str, int]) -> Costs:
        """What a structure with its embedding costs."""
        size = self._sizes.rest(self._scored.original)
        size += sum(each * units[name] for name, each in self._sizes.units.items())
        return Costs(self._predictor.share(units) if self._predictor else None, size)

    def _together(self) -> list[list[int]]:
        """Places of widths that are chosen together: those of a block that can be left out, else each alone."""
        together: dict[str, list[int]] = {}
        for place, width in enumerate(self._scored.widths):
            if width.kind != "embedding":
                together.setdefault(self._blocks.get(width.name, width.name), []).append(place)
        return list(together.values())

    def _choices(self, scores: Sequence[Sequence[float]], group: Sequence[int]) -> list[Choice]:
        """All that widths can be, together; nothing of any of them, where their block can be left out."""
        made = [Choice((), 0.0, (0.0, 0.0, 0.0))]
        whole_loss = 0.0
        for place in group:
            mine = knapsack.undominated(self._of_width(scores[place], place))
            whole_loss += sum(scores[place])
            made = [_both(before, choice) for before in made for choice in mine]
        name = self._scored.widths[group[0]].name
        if name not in self._blocks:
            return made
        around = self._predictor.around(self._blocks[name]) if self._predictor is not None else 0.0
        made = [_both(choice, Choice((), 0.0, (around, 0.0, 0.0))) for choice in made]
        return [*knapsack.undominated(made), Choice((0,) * len(group), whole_loss, (0.0, 0.0, 1.0))]

    def _of_width(self, scores: Sequence[float], place: int) -> list[Choice]:
        width = self._scored.widths[place]
        losses = _losses(scores)
        each = self._sizes.units[width.name]
        return [
            Choice(
                (units,),
                losses[width.units - units],
                (self._predictor.part(width.name, units) if self._predictor else 0.0, each * units, 0.0),
            )
            for units in candidates(width, self._scored.original[width.name], self._pruning)
        ]


def embeddings(scored: Scored, scores: Sequence[Sequence[float]], pruning: PruneConfig) -> list[Embedding]:
    """Those that the model may be given, the widest first; none where its embedding is not cut.

    From what is left of it down to the narrowest with which parts are measured.

    Args: as ``Space``.
    """
    place = next((place for place, width in enumerate(scored.widths) if width.kind == "embedding"), None)
    if place is None:
        return []
    width = scored.widths[place]
    original = scored.original[width.name]
    least = min(levels.embeddings(original), default=original)
    step = rounding(width, pruning)
    step *= max(1, math.ceil((original - least) / step / _EMBEDDINGS))
    losses = _losses(scores[place])
    narrower = range((width.units - 1) // step * step, least - 1, -step)
    return [Embedding(width.name, units, losses[width.units - units]) for units in (width.units, *narrower)]


def candidates(width: Width, original: int, config: PruneConfig) -> list[int]:
    """Units that may be left of a width, the most first: what rounding allows, in blocks where there are many."""
    step = rounding(width, config)
    step *= max(1, math.ceil(original / step / _CHOICES))
    least = min(width.units, max(rounding(width, config), math.ceil(original * (1 - MAX_RATIO))))
    return [
        width.units,
        *(units for units in range(width.units // step * step, least - 1, -step) if units < width.units),
    ]


def _losses(scores: Sequence[float]) -> list[float]:
    """What is lost by the least important units, from none of them to all."""
    losses = [0.0]
    for score in scores:
        losses.append(losses[-1] + max(0.0, score))
    return losses


def _both(one: Choice, other: Choice) -> Choice:
    """Two choices of which both are made."""
    costs = tuple(mine + its for mine, its in zip(one.costs, other.costs, strict=True))
    return Choice((*one.units, *other.units), one.loss + other.loss, costs)
