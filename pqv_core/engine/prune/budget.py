"""As little as possible is lost, and the result is fast and small enough: how many units each width keeps.

Latency comes from a table of the device, size from the weights that depend on a unit (MDP, Sun et al. 2025, arXiv
2504.02168). Both are predictions. So the model that is left is written once with these sizes, which is its size, and,
where its latency can be measured here, timed beside the uncut one; if it misses a limit, the limit is moved by as much
and the choice is made again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pqv_core import formatting
from pqv_core.config import BudgetConfig, PruneConfig
from pqv_core.config.budget import MEGABYTE
from pqv_core.config.prune import MAX_RATIO
from pqv_core.engine.context import Context
from pqv_core.engine.prune.allocation import Scored, rounding
from pqv_core.engine.prune.sizes import SizeLine
from pqv_core.engine.structure import Width
from pqv_core.engine.structure.blocks import Block
from pqv_core.errors import PruneError
from pqv_core.latency import knapsack
from pqv_core.latency.knapsack import Choice
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import BlockCost, LatencyTable

_CHOICES = 48  # of a width, about: blocks of 32 channels of the MLPs of a ViT-B
_OVER, _UNDER = 1.01, 0.97  # what is left may miss a limit by so much before the choice is made again
_TRIALS = 3


@dataclass(frozen=True)
class Costs:
    """What a structure costs, measured or predicted.

    Attributes:
        share: Of the uncut model's latency; None where it is not known.
        size: Bytes of the file.
    """

    share: float | None
    size: float


Trial = Callable[[Mapping[str, int]], Costs]
"""Writes the model with so many units of each width and says what it costs."""


class ByBudget:
    """The units that are worth most among all choices that meet the limits.

    Args:
        table: Of the device whose latency is limited; None where none is.
        blocks: Blocks that may be left out, where the table says what they take.
        trial: How predictions are checked at the last step.
    """

    def __init__(
        self,
        budget: BudgetConfig,
        pruning: PruneConfig,
        *,
        table: LatencyTable | None,
        sizes: SizeLine,
        blocks: Sequence[Block] = (),
        trial: Trial,
        context: Context,
    ) -> None:
        self._budget, self._pruning, self._context = budget, pruning, context
        self._table, self._sizes, self._trial = table, sizes, trial
        self._blocks = {name: block.name for block in blocks for name in block.widths}
        self._most_blocks = len(blocks) // 2
        self._predictor = Predictor(table) if table is not None else None
        self.predicted: Costs | None = None
        self.measured: Costs | None = None

    def kept(self, scored: Scored, *, step: int) -> list[int]:
        """As ``Allocation.kept``: the limits come nearer from step to step.

        Raises:
            PruneError: No choice meets the limits, or what the table is about is another structure.
        """
        self._check(scored)
        limits = self._limits(step)
        chosen = self._chosen(scored, limits)
        if step == self._pruning.steps:
            chosen = self._checked(limits, chosen, scored)
        return [chosen[width.name] for width in scored.widths]

    def _limits(self, step: int) -> Costs:
        """Of latency and size after a step; without end where there is none."""
        share, size = math.inf, math.inf
        if self._table is not None:
            if self._budget.latency_ms is not None:
                share = self._budget.latency_ms * 1e6 / self._table.dense_ns
            if self._budget.speedup is not None:
                share = min(share, 1 / self._budget.speedup)
        if self._budget.size_mb is not None:
            size = self._budget.size_mb * MEGABYTE
        after = step / self._pruning.steps
        nearer = 1 - (1 - share) * after if share < 1 else share
        smaller = self._sizes.dense - (self._sizes.dense - size) * after if size < self._sizes.dense else size
        return Costs(nearer, smaller)

    def _chosen(self, scored: Scored, limits: Costs) -> dict[str, int]:
        """Units of every width, none of those that were left out before."""
        groups = self._groups(scored)
        scores = scored.comparable(range(len(scored.widths)))
        parts = [self._choices(scored, scores, group) for group in groups]
        there = {width.name for width in scored.widths}
        gone = {self._blocks[name] for name in scored.original if name in self._blocks and name not in there}
        found = knapsack.solve(parts, [*self._free(scored, limits), self._most_blocks - len(gone)])
        if found is None:
            raise self._impossible(parts, scored, self._most_blocks - len(gone))
        units = dict.fromkeys(scored.original, 0)
        for group, choice in zip(groups, found, strict=True):
            units |= {scored.widths[place].name: kept for place, kept in zip(group, choice.units, strict=True)}
        return units

    def _groups(self, scored: Scored) -> list[list[int]]:
        """Places of widths that are chosen together: those of a block that can be left out, else each alone."""
        together: dict[str, list[int]] = {}
        for place, width in enumerate(scored.widths):
            together.setdefault(self._blocks.get(width.name, width.name), []).append(place)
        return list(together.values())

    def _free(self, scored: Scored, limits: Costs) -> list[float]:
        """What of latency and size is left to the parts."""
        assert limits.share is not None
        rest = 0.0
        if self._predictor is not None and self._table is not None:
            around = sum(self._predictor.around(block) for block in self._table.blocks if self._is_known(block))
            rest = self._predictor.rest - around
        return [limits.share - rest, limits.size - self._sizes.rest(scored.original)]

    def _is_known(self, block: BlockCost) -> bool:
        return set(block.parts) <= self._blocks.keys()

    def _choices(self, scored: Scored, scores: Sequence[Sequence[float]], group: Sequence[int]) -> list[Choice]:
        """All that widths can be, together; nothing of any of them, where their block can be left out."""
        made = [Choice((), 0.0, (0.0, 0.0, 0.0))]
        whole_loss = 0.0
        for place in group:
            mine = knapsack.undominated(self._of_width(scored, scores[place], place))
            whole_loss += sum(scores[place])
            made = [_both(before, choice) for before in made for choice in mine]
        name = scored.widths[group[0]].name
        if name not in self._blocks:
            return made
        around = self._around(self._blocks[name])
        made = [_both(choice, Choice((), 0.0, (around, 0.0, 0.0))) for choice in made]
        return [*knapsack.undominated(made), Choice((0,) * len(group), whole_loss, (0.0, 0.0, 1.0))]

    def _around(self, block: str) -> float:
        """What a block takes beyond its parts."""
        known = () if self._table is None else self._table.blocks
        found = next((item for item in known if item.name == block), None)
        return self._predictor.around(found) if found is not None and self._predictor is not None else 0.0

    def _of_width(self, scored: Scored, scores: Sequence[float], place: int) -> list[Choice]:
        width = scored.widths[place]
        losses = [0.0]
        for score in scores:
            losses.append(losses[-1] + max(0.0, score))
        each = self._sizes.units[width.name]
        return [
            Choice(
                (units,),
                losses[width.units - units],
                (self._predictor.part(width.name, units) if self._predictor else 0.0, each * units, 0.0),
            )
            for units in candidates(width, scored.original[width.name], self._pruning)
        ]

    def _checked(self, limits: Costs, chosen: dict[str, int], scored: Scored) -> dict[str, int]:
        """What is chosen once more wherever the trial shows that the predictions miss."""
        aimed, best, least = limits, chosen, math.inf
        assert limits.share is not None
        for number in range(_TRIALS):
            self._context.progress(number, _TRIALS, unit="candidates")
            costs = self._trial(chosen)
            predicted = self._predicted(chosen, scored)
            reached = costs.share or predicted.share or 0.0  # on a device that is elsewhere nothing is timed
            missed = max(costs.size / limits.size, reached / limits.share)
            if abs(math.log(missed)) < least and (missed <= _OVER or least == math.inf):
                best, least = chosen, abs(math.log(missed))
                self.measured, self.predicted = costs, predicted
            if _UNDER <= missed <= _OVER or chosen == scored.original:
                break
            assert aimed.share is not None
            share = aimed.share * limits.share / costs.share if costs.share else aimed.share
            aimed = Costs(share, aimed.size * limits.size / costs.size if limits.size < math.inf else math.inf)
            chosen = self._chosen(scored, aimed)
        return best

    def _predicted(self, units: Mapping[str, int], scored: Scored) -> Costs:
        size = self._sizes.rest(scored.original) + sum(self._sizes.units[name] * kept for name, kept in units.items())
        return Costs(self._predictor.share(units) if self._predictor else None, size)

    def _check(self, scored: Scored) -> None:
        """The table is about this very model."""
        if self._table is None:
            return
        known = {part.name: part.units for part in self._table.parts}
        if any(known.get(name) != units for name, units in scored.original.items()):
            raise PruneError(
                f"The latency table of {self._table.device} is about another structure than this model's.",
                action="Measure it anew: pqv latency PROJECT.",
            )

    def _impossible(self, parts: Sequence[Sequence[Choice]], scored: Scored, blocks: int) -> PruneError:
        """Says what the least is that can be had, leaving out so many blocks."""
        said = []
        budgets = (math.inf, math.inf, blocks)
        if self._predictor is not None and self._table is not None and self._budget.limits_latency:
            dense = self._table.dense_ns
            least = (1 - self._free(scored, Costs(1.0, 0.0))[0] + knapsack.least(parts, 0, budgets)) * dense
            said.append(
                f"{formatting.nanoseconds(least)} of {formatting.nanoseconds(dense)} on {self._table.device} "
                f"({formatting.ratio(dense / least)} as fast)"
            )
        if self._budget.size_mb is not None:
            least = self._sizes.rest(scored.original) + knapsack.least(parts, 1, budgets)
            said.append(f"{formatting.size(least)} of {formatting.size(self._sizes.dense)}")
        return PruneError(
            f"The budget cannot be met: at its least the model still takes {' and '.join(said)}.",
            action="Allow more, cut more kinds of parts, or choose a smaller model or another scheme.",
        )


def candidates(width: Width, original: int, config: PruneConfig) -> list[int]:
    """Units that may be left of a width, the most first: what rounding allows, in blocks where there are many."""
    step = rounding(width, config)
    step *= max(1, math.ceil(original / step / _CHOICES))
    least = min(width.units, max(rounding(width, config), math.ceil(original * (1 - MAX_RATIO))))
    return [
        width.units,
        *(units for units in range(width.units // step * step, least - 1, -step) if units < width.units),
    ]


def _both(one: Choice, other: Choice) -> Choice:
    """Two choices of which both are made."""
    costs = tuple(mine + its for mine, its in zip(one.costs, other.costs, strict=True))
    return Choice((*one.units, *other.units), one.loss + other.loss, costs)
