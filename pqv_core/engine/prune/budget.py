"""As little as possible is lost, and the result is fast and small enough: how many units each width keeps.

Latency comes from a table of the device, size from the weights that depend on a unit (MDP, Sun et al. 2025, arXiv
2504.02168). Where the embedding may be cut, the choice is made for each embedding, and the best of all counts. Both are
predictions. So the model that is left is written once with these sizes, which is its size, and, where its latency can
be measured here, timed beside the uncut one; if it misses a limit, the limit is moved by as much and the choice is made
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from pqv_core import formatting
from pqv_core.config import BudgetConfig, PruneConfig
from pqv_core.config.budget import MEGABYTE
from pqv_core.engine.context import Context
from pqv_core.engine.prune.allocation import Scored
from pqv_core.engine.prune.sizes import SizeLine
from pqv_core.engine.prune.space import Costs, Embedding, Space, embeddings
from pqv_core.engine.structure.blocks import Block
from pqv_core.errors import PruneError
from pqv_core.latency import knapsack
from pqv_core.latency.knapsack import Knapsack
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import LatencyTable

_OVER, _UNDER = 1.01, 0.97  # what is left may miss a limit by so much before the choice is made again
_NEARLY = 1.05  # where no choice is left, what misses a limit by so much is taken: hours of training may lie before it
_TRIALS = 3
_TRUE = Costs(1.0, 1.0)

Trial = Callable[[Mapping[str, int]], Costs]
"""Writes the model with so many units of each width and says what it costs."""


class ByBudget:
    """The units that are worth most among all choices that meet the limits.

    Args:
        table: Of the device whose latency is limited; None where none is.
        blocks: Blocks that may be left out, where the table says what they take.
        trial: How predictions are checked at the last step.
        does_more: The trial does more to the model than cut it. Of what that saves the table knows nothing, so it is
            tried before anything is chosen.

    Attributes:
        predicted: What the choice of the last step costs.
        measured: What it cost when it was tried.
        missed: How many times as much that is as the limit that is nearest to being missed.
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
        does_more: bool = False,
    ) -> None:
        self._budget, self._pruning, self._context = budget, pruning, context
        self._table, self._sizes, self._trial = table, sizes, trial
        self._blocks = {name: block.name for block in blocks for name in block.widths}
        self._most_blocks = len(blocks) // 2
        self._off = None if does_more else _TRUE
        self.predicted: Costs | None = None
        self.measured: Costs | None = None
        self.missed = 1.0

    @property
    def is_within(self) -> bool:
        """Whether what was tried keeps every limit."""
        return self.missed <= _OVER

    def kept(self, scored: Scored, *, step: int) -> list[int]:
        """As ``Allocation.kept``: the limits come nearer from step to step.

        Raises:
            PruneError: No choice meets the limits, or what the table is about is another structure.
        """
        self._check(scored)
        spaces = self._spaces(scored)
        if self._off is None:
            self._off = self._beforehand(scored)
        space, chosen = self._chosen(scored, spaces, self._limits(step, self._off), off=self._off)
        if step == self._pruning.steps:
            chosen = self._checked(self._limits(step), space, chosen, scored, spaces)
        return [chosen[width.name] for width in scored.widths]

    def _spaces(self, scored: Scored) -> list[Space]:
        """What there is to choose from with each embedding."""
        scores = scored.comparable(range(len(scored.widths)))

        def space(embedding: Embedding | None) -> Space:
            units = embedding.units if embedding is not None else None
            return Space(
                scored,
                scores,
                self._pruning,
                embedding=embedding,
                predictor=Predictor(self._table, units) if self._table is not None else None,
                sizes=self._sizes.at(units) if units is not None else self._sizes,
                blocks=self._blocks,
            )

        return [space(each) for each in embeddings(scored, scores, self._pruning)] or [space(None)]

    def _beforehand(self, scored: Scored) -> Costs:
        """How many times as much as predicted the model costs of which nothing is cut."""
        costs = self._trial(scored.original)
        return Costs(costs.share or 1.0, _times(costs.size, self._sizes.dense))

    def _limits(self, step: int, off: Costs = _TRUE) -> Costs:
        """Of latency and size after a step, as they are to be predicted; without end where there is none.

        Args:
            off: How many times as much as predicted the model costs.
        """
        share, size = math.inf, math.inf
        if self._table is not None:
            if self._budget.latency_ms is not None:
                share = self._budget.latency_ms * 1e6 / self._table.dense_ns
            if self._budget.speedup is not None:
                share = min(share, 1 / self._budget.speedup)
        if self._budget.size_mb is not None:
            size = self._budget.size_mb * MEGABYTE
        share, size = share / (off.share or 1.0), size / off.size
        after = step / self._pruning.steps
        nearer = 1 - (1 - share) * after if share < 1 else share
        smaller = self._sizes.dense - (self._sizes.dense - size) * after if size < self._sizes.dense else size
        return Costs(nearer, smaller)

    def _chosen(
        self, scored: Scored, spaces: Sequence[Space], limits: Costs, *, off: Costs = _TRUE
    ) -> tuple[Space, dict[str, int]]:
        """The embedding with which least is lost, and units of every width, none of those that were left out before.

        Args:
            off: How many times as much as predicted a trial has cost.
        """
        assert limits.share is not None
        there = {width.name for width in scored.widths}
        gone = {self._blocks[name] for name in scored.original if name in self._blocks and name not in there}
        blocks = self._most_blocks - len(gone)
        knapsacks = []
        for space in spaces:
            assert space.rest.share is not None
            free = [limits.share - space.rest.share, limits.size - space.rest.size, blocks]
            knapsacks.append(Knapsack(space.parts, free, space.loss))
        found = knapsack.best(knapsacks)
        if found is None:
            raise self._impossible(spaces, blocks, off)
        place, choices = found
        return spaces[place], spaces[place].units(choices)

    def _checked(
        self, limits: Costs, space: Space, chosen: dict[str, int], scored: Scored, spaces: Sequence[Space]
    ) -> dict[str, int]:
        """What is chosen once more wherever the trial shows that the predictions miss; of all trials the best."""
        best, least = chosen, (True, math.inf)
        assert limits.share is not None
        for number in range(_TRIALS):
            self._context.progress(number, _TRIALS, unit="candidates")
            costs = self._trial(chosen)
            predicted = space.predicted(chosen)
            reached = costs.share or predicted.share or 0.0  # on a device that is elsewhere nothing is timed
            missed = max(costs.size / limits.size, reached / limits.share)
            off_by = (missed > _OVER, abs(math.log(missed)))  # one that keeps all limits comes before any other
            if off_by < least:
                best, least = chosen, off_by
                self.measured, self.predicted, self.missed = costs, predicted, missed
            is_enough = missed <= _OVER and (missed >= _UNDER or chosen == scored.original)  # less cannot be cut
            if is_enough or number == _TRIALS - 1:
                break
            off = Costs(_times(costs.share, predicted.share), _times(costs.size, predicted.size))
            aimed = Costs(limits.share / (off.share or 1.0), limits.size / off.size)
            try:
                space, chosen = self._chosen(scored, spaces, aimed, off=off)
            except PruneError:  # but an earlier choice was tried
                if self.missed > _NEARLY:
                    raise
                break
        if not self.is_within:
            self._context.warn(f"What is left misses the budget by {formatting.percent(self.missed - 1)}.")
        return best

    def _check(self, scored: Scored) -> None:
        """The table is about this very model."""
        if self._table is None:
            return
        known: dict[str, int | None] = {part.name: part.units for part in self._table.parts}
        known |= {width.name: self._table.embedding for width in scored.widths if width.kind == "embedding"}
        if any(known.get(name) != units for name, units in scored.original.items()):
            raise PruneError(
                f"The latency table of {self._table.device} is about another structure than this model's.",
                action="Measure it anew.",
                command="pqv latency PROJECT",
            )

    def _impossible(self, spaces: Sequence[Space], blocks: int, off: Costs) -> PruneError:
        """Says what the least is that can be had, leaving out so many blocks."""
        said = []
        budgets = (math.inf, math.inf, blocks)
        if self._table is not None and self._budget.limits_latency:
            dense = self._table.dense_ns
            shares = [(each.rest.share or 0.0) + knapsack.least(each.parts, 0, budgets) for each in spaces]
            least = min(shares) * (off.share or 1.0) * dense
            said.append(
                f"{formatting.nanoseconds(least)} of {formatting.nanoseconds(dense)} on {self._table.device} "
                f"({formatting.ratio(dense / least)} as fast)"
            )
        if self._budget.size_mb is not None:
            least = min(each.rest.size + knapsack.least(each.parts, 1, budgets) for each in spaces) * off.size
            said.append(f"{formatting.size(least)} of {formatting.size(self._sizes.dense)}")
        leave = "" if self._blocks else "let whole blocks be left out (budget.blocks), "
        return PruneError(
            f"The budget cannot be met: at its least the model still takes {' and '.join(said)}.",
            action=f"Allow more, {leave}cut more kinds of parts, or choose a smaller model or another scheme.",
        )


def _times(measured: float | None, predicted: float | None) -> float:
    """How many times as much as predicted there was; 1 where either is not known."""
    return measured / predicted if measured and predicted else 1.0
