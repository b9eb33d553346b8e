"""Under which policies of waiting a file is measured, which measurement counts, and what is said of the other."""

from __future__ import annotations

import pytest

from pqv_core.results import record as results
from pqv_core.results import wait_policy
from tests.fakes.records import artifact, measurement

SPINNING = measurement(136, 136, 140).model_copy(update={"loop": "one"})
SLEEPING = measurement(1, 1, 2).model_copy(update={"loop": "one", "wait_policy": "PASSIVE"})


@pytest.mark.parametrize(("threads", "policies"), [(1, ("",)), (2, ("", "PASSIVE")), (4, ("", "PASSIVE"))])
def test_a_single_thread_waits_for_nobody(threads: int, policies: tuple[str, ...]) -> None:
    assert wait_policy.worth_trying(threads) == policies


@pytest.mark.parametrize("both", [(SPINNING, SLEEPING), (SLEEPING, SPINNING)])
def test_the_quickest_counts_and_the_other_is_said_as_published(both: tuple[results.Measurement, ...]) -> None:
    assert wait_policy.quickest(both) is SLEEPING
    assert (
        wait_policy.as_published(artifact("paper_fp32"), both)
        == "as published, with threads that spin while waiting: 136 ms"
    )


@pytest.mark.parametrize(
    "alone",
    [
        (),
        (SPINNING,),
        (SLEEPING,),
        (SPINNING.model_copy(update={"loop": "another"}), SLEEPING),
        (SLEEPING.model_copy(update={"target": "a phone"}), SPINNING),
        (measurement(1, 1, 1), SLEEPING.model_copy(update={"samples_ns": (10**9,), "loop": ""})),  # spinning is quicker
    ],
)
def test_nothing_is_said_where_there_is_no_better_way_in_the_same_loop(alone: tuple[results.Measurement, ...]) -> None:
    assert wait_policy.as_published(artifact("paper_fp32"), alone) == ""


def test_only_the_papers_baseline_was_published() -> None:
    assert wait_policy.as_published(artifact("compressed"), (SPINNING, SLEEPING)) == ""
