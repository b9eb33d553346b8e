"""Which choice of each part keeps the most under several budgets: multiple-choice knapsacks, solved exactly.

Every part (the hidden width of an MLP, the heads of an attention, a block of both) is given one of its choices; what is
lost adds up, and so does what they cost (MDP, Sun et al. 2025, arXiv 2504.02168, §3.3). With another embedding all
parts cost something else, so each embedding is a knapsack of its own. HiGHS, through ``scipy.optimize.milp``, finds the
least loss and proves that there is none below it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pqv_core.errors import PruneError

_LIMIT_S = 60.0
_INFEASIBLE = 2


@dataclass(frozen=True)
class Choice:
    """One that a part may be given.

    Attributes:
        units: That are left of each width in the part.
        loss: What is lost by it, 0 or more, in the unit of all parts.
        costs: What it costs of each budget.
    """

    units: tuple[int, ...]
    loss: float
    costs: tuple[float, ...]


@dataclass(frozen=True)
class Knapsack:
    """What there is to choose from.

    Attributes:
        parts: The choices of each.
        budgets: What they may cost together; infinite where there is no limit.
        loss: What is lost whatever is chosen, 0 or more.
    """

    parts: Sequence[Sequence[Choice]]
    budgets: Sequence[float]
    loss: float = 0.0


def best(knapsacks: Sequence[Knapsack]) -> tuple[int, list[Choice]] | None:
    """The knapsack, by its index, of which the best choices lose the least, and these; None where none can be made.

    What is lost at least is known at once, of choices that are made in shares. So few knapsacks need to be solved.

    Args:
        knapsacks: Of undominated choices; of two that lose the same the first is taken.

    Raises:
        PruneError: The best was not found in time.
    """
    bounds = [_bound(each) for each in knapsacks] if len(knapsacks) > 1 else [0.0]
    found: tuple[int, list[Choice]] | None = None
    least = math.inf
    for place in sorted(range(len(knapsacks)), key=lambda place: bounds[place]):
        if bounds[place] >= least:
            break
        each = knapsacks[place]
        choices = _taken(each.parts, each.budgets)
        if choices is not None and (loss := each.loss + sum(choice.loss for choice in choices)) < least:
            found, least = (place, choices), loss
    return found


def _bound(knapsack: Knapsack) -> float:
    """What is lost at least; infinite where the budgets cannot be met."""
    found = _found(knapsack.parts, knapsack.budgets, whole=False)
    return math.inf if found is None else knapsack.loss + sum(choice.loss * share for choice, share in found)


def solve(parts: Sequence[Sequence[Choice]], budgets: Sequence[float]) -> list[Choice] | None:
    """The choices, one a part, that lose the least and cost no more than ``budgets``; None where none do.

    Args:
        budgets: Infinite where there is no limit.

    Raises:
        PruneError: The best was not found in time.
    """
    return _taken([undominated(part) for part in parts], budgets)


def _taken(parts: Sequence[Sequence[Choice]], budgets: Sequence[float]) -> list[Choice] | None:
    found = _found(parts, budgets, whole=True)
    return None if found is None else [choice for choice, taken in found if taken > 0.5]


def _found(
    parts: Sequence[Sequence[Choice]], budgets: Sequence[float], *, whole: bool
) -> list[tuple[Choice, float]] | None:
    """All choices and how far each is made: not at all or ``whole``, or in shares; part by part."""
    if not parts:
        return [] if all(budget >= 0 for budget in budgets) else None
    if any(sum(least) > budget for least, budget in zip(_least_costs(parts), budgets, strict=True)):
        return None
    from scipy.optimize import Bounds, LinearConstraint, milp  # half a second, which only those pay who solve

    flat = [(place, choice) for place, part in enumerate(parts) for choice in part]
    constraints: list[Any] = [LinearConstraint(_one_each(flat, len(parts)), 1, 1)]
    for index, budget in enumerate(budgets):
        if budget < math.inf:
            scale = budget if budget > 0 else 1.0
            share = [choice.costs[index] / scale for _, choice in flat]
            constraints.append(LinearConstraint(share, -math.inf, budget / scale))
    greatest = max((choice.loss for _, choice in flat), default=0.0) or 1.0
    found = milp(
        [choice.loss / greatest for _, choice in flat],
        constraints=constraints,
        integrality=[int(whole)] * len(flat),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0, "time_limit": _LIMIT_S},
    )
    if found.status == _INFEASIBLE:
        return None
    if found.x is None or found.status != 0:
        raise PruneError(
            f"What to cut for the budget was not found within {_LIMIT_S:.0f} seconds.",
            action="Allow a little more, or round to more channels (prune.round_to).",
            details=str(found.message),
        )
    return [(choice, float(taken)) for (_, choice), taken in zip(flat, found.x, strict=True)]


def least(parts: Sequence[Sequence[Choice]], budget: int, budgets: Sequence[float]) -> float:
    """The least that can be had of one budget, by its index, whatever is lost; infinite where the others have none.

    Args:
        budgets: Infinite where there is no limit, as that of the one that is asked about.
    """
    as_loss = [[Choice(choice.units, choice.costs[budget], choice.costs) for choice in part] for part in parts]
    found = solve(as_loss, budgets)
    return math.inf if found is None else sum(choice.costs[budget] for choice in found)


def _least_costs(parts: Sequence[Sequence[Choice]]) -> list[list[float]]:
    """By budget, the least cost of each part."""
    return [[min(choice.costs[index] for choice in part) for part in parts] for index in range(len(parts[0][0].costs))]


def undominated(part: Sequence[Choice]) -> list[Choice]:
    """Without choices beside which another loses no more and costs no more: widths that a runtime cannot use."""
    kept: list[Choice] = []
    for choice in sorted(part, key=lambda each: (each.loss, each.costs, -sum(each.units))):
        if not any(all(mine <= its for mine, its in zip(other.costs, choice.costs, strict=True)) for other in kept):
            kept.append(choice)
    return kept


def _one_each(flat: Sequence[tuple[int, Choice]], parts: int) -> list[list[float]]:
    return [[float(place == part) for place, _ in flat] for part in range(parts)]
