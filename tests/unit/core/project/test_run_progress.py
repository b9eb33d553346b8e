"""One bar and one time left for a whole run: neither stands still, goes back, or grows without a reason."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.process import events
from pqv_core.project.plan import START, Planned
from pqv_core.project.run_progress import RunProgress

SECONDS = st.floats(min_value=0.2, max_value=500)
STEP_S = 0.5


class Play:
    """A run whose stages take as long as they are told to, each telling of its work ``tells`` times."""

    def __init__(self, expected: Sequence[float], *, known: bool = True) -> None:
        self.now = 0.0
        self.names = [f"s{index}" for index in range(len(expected) - 1)]
        planned = [Planned(name, each, known) for name, each in zip([START, *self.names], expected, strict=True)]
        self.progress = RunProgress(planned, clock=lambda: self.now)
        self.bars: list[float] = []
        self.lefts: list[tuple[float, float]] = []  # when, and what was shown

    def play(self, took: Sequence[float], *, tells: int = 0) -> None:
        take = self.progress.take
        self._pass(took[0])
        take(events.JobStarted(stages=tuple(self.names)))
        for index, (name, seconds) in enumerate(zip(self.names, took[1:], strict=True)):
            take(events.StageStarted(stage=name, index=index, total=len(self.names)))
            for done in range(1, tells + 1):
                self._pass(seconds / tells)
                take(events.Progress(stage=name, done=done, total=tells))
            self._pass(0.0 if tells else seconds)
            take(events.StageFinished(stage=name, seconds=seconds))

    def _pass(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + STEP_S)
            self.progress.tick()
            self.bars.append(self.progress.fraction)
            assert self.progress.seconds_left is not None
            self.lefts.append((self.now, self.progress.seconds_left))


durations = st.lists(SECONDS, min_size=2, max_size=8)


@given(durations, st.data())
def test_the_bar_only_moves_on_and_is_full_at_the_end_alone(expected: list[float], data: st.DataObject) -> None:
    took = data.draw(st.lists(SECONDS, min_size=len(expected), max_size=len(expected)))
    played = Play(expected, known=data.draw(st.booleans()))
    played.play(took, tells=data.draw(st.integers(0, 5)))
    assert all(0 < before <= after <= 1 for before, after in pairwise(played.bars))
    played.progress.take(events.Finished(outcome="succeeded"))
    assert (played.progress.fraction, played.progress.seconds_left) == (1.0, 0.0)


@given(durations, st.integers(0, 5))
def test_where_it_takes_as_long_as_expected_the_time_runs_down_with_the_clock(
    expected: list[float], tells: int
) -> None:
    played = Play(expected)
    played.play(expected, tells=tells)
    shown = [left for _, left in played.lefts]
    assert all(after <= before for before, after in pairwise(shown))
    for when, left in played.lefts:
        assert left == pytest.approx(sum(expected) - when, abs=1)


@given(durations, st.data())
def test_the_time_grows_only_where_the_run_is_clearly_slower_than_shown(
    expected: list[float], data: st.DataObject
) -> None:
    took = data.draw(st.lists(SECONDS, min_size=len(expected), max_size=len(expected)))
    played = Play(expected)
    played.play(took, tells=data.draw(st.integers(0, 5)))
    for (_, before), (_, after) in pairwise(played.lefts):
        assert after <= before or after > 1.2 * before - 1


def test_a_bar_moves_while_a_stage_says_nothing_for_far_too_long() -> None:
    played = Play([1.0, 10.0, 100.0])
    played.play([1.0, 60.0, 100.0])
    assert all(after > before for before, after in pairwise(played.bars))
    assert played.bars[130] < 0.6  # 65 s of what became 161


def test_the_speed_of_the_stage_at_work_replaces_what_was_expected() -> None:
    played = Play([0.5, 1000.0], known=False)
    played.progress.take(events.StageStarted(stage="s0", index=0, total=1))
    for done in range(1, 6):
        played._pass(10.0)
        played.progress.take(events.Progress(stage="s0", done=done, total=10))
    played._pass(20.0)
    assert played.lefts[-1][1] < 350


def test_stages_that_are_over_say_how_fast_this_computer_is() -> None:
    slow, usual = (Play([0.5, 100.0, 100.0], known=known) for known in (False, True))
    for played in (slow, usual):
        played.progress.take(events.StageStarted(stage="s0", index=0, total=2))
        played._pass(300.0)
        played.progress.take(events.StageFinished(stage="s0", seconds=300.0))
        played._pass(1.0)
    assert slow.lefts[-1][1] > 250
    assert usual.lefts[-1][1] < 115


def test_a_stage_that_is_taken_over_takes_no_time_and_says_nothing_of_the_speed() -> None:
    played = Play([0.5, 900.0, 10.0], known=False)
    played.progress.take(events.StageStarted(stage="s0", index=0, total=2))
    played.progress.take(events.StageFinished(stage="s0", seconds=4_000.0, cached=True))
    played.progress.take(events.StageStarted(stage="s1", index=1, total=2))
    played._pass(9.0)
    assert played.bars[-1] > 0.3
    assert played.progress.position == (2, 2)
    assert played.progress._estimate(played.now) < 3


def test_a_worker_of_another_version_may_do_other_stages() -> None:
    played = Play([1.0, 10.0])
    played.progress.take(events.JobStarted(stages=("s0", "distil")))
    played.progress.take(events.StageStarted(stage="distil", index=1, total=2))
    assert played.progress.position == (2, 2)
    played._pass(3.0)
    assert 0 < played.bars[-1] < 1
