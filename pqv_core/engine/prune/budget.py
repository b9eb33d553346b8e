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
from pqv_core.errors import PruneError
from pqv_core.latency import knapsack
from pqv_core.latency.knapsack import Choice
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import LatencyTable

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
        trial: How predictions are checked at the last step.
    """

    def __init__(
        self,
        budget: BudgetConfig,
        pruning: PruneConfig,
        *,
        table: LatencyTable | None,
        sizes: SizeLine,
        trial: Trial,
        context: Context,
    ) -> None:
        self._budget, self._pruning, self._context = budget, pruning, context
        self._table, self._sizes, self._trial = table, sizes, trial
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
        return self._checked(scored, limits, chosen) if step == self._pruning.steps else chosen

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

    def _chosen(self, scored: Scored, limits: Costs) -> list[int]:
        parts = [self._choices(scored, place) for place in range(len(scored.widths))]
        assert limits.share is not None
        rest = self._predictor.rest if self._predictor else 0.0
        budgets = [limits.share - rest, limits.size - self._sizes.rest(scored.original)]
        found = knapsack.solve(parts, budgets)
        if found is None:
            raise self._impossible(parts, scored)
        return [choice.units for choice in found]

    def _choices(self, scored: Scored, place: int) -> list[Choice]:
        width = scored.widths[place]
        losses = [0.0]
        for score in scored.comparable(range(len(scored.widths)))[place]:
            losses.append(losses[-1] + max(0.0, score))
        each = self._sizes.units[width.name]
        return [
            Choice(
                units,
                losses[width.units - units],
                (self._predictor.part(width.name, units) if self._predictor else 0.0, each * units),
            )
            for units in candidates(width, scored.original[width.name], self._pruning)
        ]

    def _checked(self, scored: Scored, limits: Costs, chosen: list[int]) -> list[int]:
        """What is chosen once more wherever the trial shows that the predictions miss."""
        aimed, best, least = limits, chosen, math.inf
        assert limits.share is not None
        for number in range(_TRIALS):
            units = {width.name: kept for width, kept in zip(scored.widths, chosen, strict=True)}
            self._context.progress(number, _TRIALS, unit="candidates")
            costs = self._trial(units)
            predicted = self._predicted(units)
            share = costs.share or predicted.share or 0.0  # on a device that is elsewhere nothing is timed
            missed = max(costs.size / limits.size, share / limits.share)
            if abs(math.log(missed)) < least and (missed <= _OVER or least == math.inf):
                best, least = chosen, abs(math.log(missed))
                self.measured, self.predicted = costs, predicted
            if _UNDER <= missed <= _OVER or self._is_whole(scored, chosen):
                break
            assert aimed.share is not None
            share = aimed.share * limits.share / costs.share if costs.share else aimed.share
            aimed = Costs(share, aimed.size * limits.size / costs.size if limits.size < math.inf else math.inf)
            chosen = self._chosen(scored, aimed)
        return best

    def _is_whole(self, scored: Scored, chosen: Sequence[int]) -> bool:
        return all(kept == width.units for width, kept in zip(scored.widths, chosen, strict=True))

    def _predicted(self, units: Mapping[str, int]) -> Costs:
        share = self._predictor.share(units) if self._predictor else None
        original = {part.name: part.units for part in self._table.parts} if self._table else {}
        gone = sum(self._sizes.units[name] * (original.get(name, kept) - kept) for name, kept in units.items())
        return Costs(share, self._sizes.dense - gone)

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

    def _impossible(self, parts: Sequence[Sequence[Choice]], scored: Scored) -> PruneError:
        """Says what the least is that can be had."""
        said = []
        if self._predictor is not None and self._table is not None and self._budget.limits_latency:
            dense = self._table.dense_ns
            least = (self._predictor.rest + knapsack.least(parts, 0)) * dense
            said.append(
                f"{formatting.nanoseconds(least)} of {formatting.nanoseconds(dense)} on {self._table.device} "
                f"({formatting.ratio(dense / least)} as fast)"
            )
        if self._budget.size_mb is not None:
            least = self._sizes.rest(scored.original) + knapsack.least(parts, 1)
            said.append(f"{formatting.size(least)} of {formatting.size(self._sizes.dense)}")
        return PruneError(
            f"The budget cannot be met: with every part at its narrowest the model still takes {' and '.join(said)}.",
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
