"""Whether samples can be trusted: what is steady gets no remark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.results import stability
from pqv_core.results.record import Measurement


def remarks(samples: list[int], busy: float | None = None) -> list[str]:
    return list(stability.remarks(Measurement(threads=1, warmup=0, samples_ns=tuple(samples), busy=busy)))


def test_too_few_samples_tell_nothing() -> None:
    assert stability.drift([100] * 8) is None
    assert stability.scatter([100] * 8) is None
    assert remarks([1, 1000] * 4) == []


def test_drift_compares_thirds() -> None:
    assert stability.drift([100] * 10 + [110] * 10 + [150] * 10) == 1.5


def test_scatter_is_the_width_of_the_middle_half() -> None:
    assert stability.scatter([80, 90, 90, 100, 100, 100, 110, 110, 500]) == pytest.approx(0.2)


def test_steady_samples_get_no_remark() -> None:
    assert remarks([100, 101, 99, 102, 100, 98, 100, 101, 250, 100, 99, 100]) == []


def test_a_machine_that_slows_down_is_named() -> None:
    (remark,) = remarks([100] * 20 + [120] * 20)
    assert remark == "the last third took 20.0 % longer than the first: the machine slowed down"


def test_a_machine_that_was_busy_at_first_is_named() -> None:
    (remark,) = remarks([120] * 10 + [100] * 30)
    assert remark.startswith("the first third took 20.0 % longer than the last")


def test_disturbed_samples_are_named() -> None:
    (remark,) = remarks([100, 150] * 15)
    assert remark.startswith("the middle half of the samples spans 40.0 % of the median")


def test_other_programs_are_named() -> None:
    assert remarks([100] * 30, busy=0.1) == []
    assert remarks([100] * 30, busy=0.63) == ["other programs used 63.0 % of the processor just before"]


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60))
def test_any_samples_are_judged(samples: list[int]) -> None:
    assert len(remarks(samples)) <= 2
    assert remarks(samples[:1] * 30) == []
