"""When a trial is stopped early, and when it never is."""

from __future__ import annotations

import pytest

from pqv_core.study.hopeless import Rival, verdict

HALF = ((0.25, 0.3), (0.5, 0.5))
"""The curve of a trial after half of its epochs."""


def rivals(*halfway: float, keeps: bool = True) -> list[Rival]:
    return [Rival(((0.25, 0.2), (0.5, top1), (1.0, 0.99)), keeps) for top1 in halfway]


def test_who_is_below_all_that_kept_to_the_constraints_is_stopped() -> None:
    words = verdict(HALF, rivals(0.6, 0.7, 0.8, 0.9), bounded=True, alone=False)
    assert words == (
        "After 50.0 % of the epochs 50.0 % were right, below every trial that kept to the constraints (60.0 % then)."
    )


def test_who_is_as_good_as_one_of_them_goes_on() -> None:
    assert not verdict(HALF, rivals(0.5, 0.7, 0.8, 0.9), bounded=True, alone=False)


def test_those_that_broke_a_constraint_are_no_measure() -> None:
    others = [*rivals(0.6, 0.7, 0.8), *rivals(0.9, keeps=False)]
    assert not verdict(HALF, others, bounded=True, alone=False)


def test_where_accuracy_is_all_who_is_below_half_of_the_others_is_stopped() -> None:
    assert "below half of the trials (55.0 % then)" in verdict(
        HALF, rivals(0.4, 0.4, 0.7, 0.8), bounded=False, alone=True
    )
    assert not verdict(HALF, rivals(0.4, 0.4, 0.6, 0.6), bounded=False, alone=True)


def test_where_accuracy_is_one_of_several_nobody_is_stopped() -> None:
    assert not verdict(HALF, rivals(0.9, 0.9, 0.9, 0.9, 0.9), bounded=False, alone=False)


def test_the_best_so_far_counts() -> None:
    assert not verdict(((0.25, 0.7), (0.5, 0.1)), rivals(0.6, 0.6, 0.6, 0.6), bounded=True, alone=True)


@pytest.mark.parametrize("curve", [(), ((0.1, 0.0),), ((0.25, 0.3), (1.0, 0.0))])
def test_nobody_is_stopped_at_the_beginning_or_at_the_end(curve: tuple[tuple[float, float], ...]) -> None:
    assert not verdict(curve, rivals(0.9, 0.9, 0.9, 0.9), bounded=True, alone=True)


def test_few_trials_are_no_measure() -> None:
    assert not verdict(HALF, rivals(0.9, 0.9, 0.9), bounded=True, alone=True)
