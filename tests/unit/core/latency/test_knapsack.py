"""The solver of budgets against trying everything."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqv_core.latency.knapsack import Choice, Knapsack, best, least, solve, undominated

COST = st.integers(0, 50).map(float)
PARTS = st.lists(
    st.lists(
        st.builds(
            Choice,
            units=st.tuples(st.integers(1, 9)),
            loss=st.integers(0, 50).map(float),
            costs=st.tuples(COST, COST),
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=5,
)


def cost(choices: tuple[Choice, ...] | list[Choice], budget: int) -> float:
    return sum(choice.costs[budget] for choice in choices)


@settings(max_examples=150)
@given(parts=PARTS, budgets=st.tuples(st.integers(0, 150), st.integers(0, 150)))
def test_nothing_that_meets_the_budgets_loses_less(parts: list[list[Choice]], budgets: tuple[int, int]) -> None:
    possible = [
        some for some in itertools.product(*parts) if all(cost(some, index) <= budgets[index] for index in (0, 1))
    ]
    found = solve(parts, budgets)
    assert (found is None) == (not possible)
    if found is not None:
        assert all(choice in part for choice, part in zip(found, parts, strict=True))
        assert all(cost(found, index) <= budgets[index] for index in (0, 1))
        best = min(sum(choice.loss for choice in some) for some in possible)
        assert sum(choice.loss for choice in found) == pytest.approx(best)


KNAPSACKS = st.lists(
    st.builds(
        Knapsack,
        parts=PARTS.map(lambda parts: [undominated(part) for part in parts]),
        budgets=st.tuples(st.integers(0, 150), st.integers(0, 150)),
        loss=st.integers(0, 80).map(float),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150)
@given(knapsacks=KNAPSACKS)
def test_of_several_knapsacks_the_one_is_taken_with_which_least_is_lost(knapsacks: list[Knapsack]) -> None:
    possible = [
        each.loss + sum(choice.loss for choice in some)
        for each in knapsacks
        for some in itertools.product(*each.parts)
        if all(cost(some, index) <= each.budgets[index] for index in (0, 1))
    ]
    found = best(knapsacks)
    assert (found is None) == (not possible)
    if found is not None:
        place, choices = found
        assert all(cost(choices, index) <= knapsacks[place].budgets[index] for index in (0, 1))
        assert knapsacks[place].loss + sum(choice.loss for choice in choices) == pytest.approx(min(possible))


def test_where_only_the_embedding_is_cut_there_are_no_parts() -> None:
    assert best([Knapsack([], (-1.0,), 0.0), Knapsack([], (0.0,), 2.0), Knapsack([], (1.0,), 3.0)]) == (1, [])


@settings(max_examples=30)
@given(parts=PARTS, other=st.integers(0, 150))
def test_the_least_is_what_the_cheapest_choices_cost_within_limits(parts: list[list[Choice]], other: int) -> None:
    possible = [some for some in itertools.product(*parts) if cost(some, 1) <= other]
    cheapest = min((cost(some, 0) for some in possible), default=math.inf)
    assert least(parts, 0, (math.inf, other)) == pytest.approx(cheapest)


def test_a_width_that_costs_as_much_as_a_wider_one_is_not_chosen() -> None:
    costs = {64: (3.0, 10.0), 56: (4.0, 10.0), 32: (6.0, 5.0), 24: (7.0, 5.0)}
    steps = [Choice((units,), loss, (cost,)) for units, (loss, cost) in costs.items()]
    for budget in range(5, 30):
        found = solve([steps], [float(budget)])
        assert found is not None and found[0].units in ((64,), (32,))


def test_without_budgets_nothing_is_lost() -> None:
    assert solve([[Choice((8,), 0.0, ()), Choice((4,), 1.0, ())]], []) == [Choice((8,), 0.0, ())]


def test_a_deep_and_wide_model_is_solved_soon() -> None:
    """24 blocks, as many widths as a ViT-L has in multiples of 64, two budgets."""
    parts = [
        [
            Choice((units,), float((64 - units) ** 1.5 * (1 + place % 7)), (units * (3.0 + place % 3), units * 2.0))
            for units in range(1, 65)
        ]
        for place in range(48)
    ]
    assert solve(parts, [48 * 64 * 3.0 * 0.5, 48 * 64 * 2.0 * 0.5]) is not None
    assert solve(parts, [1.0, 1e9]) is None


@pytest.mark.parametrize("budget", [0.0, -1.0])
def test_a_budget_of_nothing_cannot_be_met(budget: float) -> None:
    assert solve([[Choice((1,), 0.0, (1.0,))]], [budget]) is None
