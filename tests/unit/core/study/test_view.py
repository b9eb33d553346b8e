"""A study as it is shown: the front, kept up to date, and the time left."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import RunConfig
from pqv_core.study import limits, storage, study_file, trials
from pqv_core.study.study_file import StudyFile
from pqv_core.study.trials import FIGURES, SECONDS, Trial
from pqv_core.study.view import Front, StudyWatch

POINTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


def done(number: int, *values: float, keeps: bool = True, seconds: float = 10.0) -> Trial:
    return Trial(number, "done", {}, values=values, keeps=keeps, seconds=seconds)


@given(POINTS)
def test_the_front_is_what_no_other_trial_beats(points: list[tuple[int, int]]) -> None:
    """The first figure the more the better, the second the less the better."""
    front = Front((True, False))
    for number, point in enumerate(points):
        front.add(done(number, *point))

    def beats(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return one[0] >= other[0] and one[1] <= other[1] and one != other

    expected = {number for number, point in enumerate(points) if not any(beats(other, point) for other in points)}
    assert set(front.numbers) == expected
    best = [points[number][0] for number in front.numbers]
    assert best == sorted(best, reverse=True)


def test_who_breaks_a_constraint_is_not_on_the_front() -> None:
    front = Front((True,))
    front.add(done(0, 0.5))
    front.add(done(1, 0.9, keeps=False))
    front.add(Trial(2, "failed", {}))
    assert front.numbers == (0,)


def study(**asked: object) -> StudyFile:
    return StudyFile.parse(
        {
            "project": "some.pqv",
            "config": RunConfig().model_dump(),
            "vary": {"prune.ratio": "0.1:0.6"},
            "objectives": ["size", "latency"],
            **asked,
        }
    )


def test_the_time_left_is_what_the_missing_trials_take() -> None:
    over = [done(number, 1.0, seconds=20.0) for number in range(4)]
    assert limits.seconds_left(study(trials=10), over) == 120
    assert limits.seconds_left(study(trials=10), [*over, Trial(4, "running", {})]) == 120
    assert limits.seconds_left(study(trials=4), over) == 0
    assert limits.seconds_left(study(trials=10), []) is None


def test_hours_end_a_study_before_its_trials_do() -> None:
    over = [done(number, 1.0, seconds=1800.0) for number in range(3)]
    assert limits.seconds_left(study(trials=100, hours=2), over) == 1800
    assert limits.why_over(study(trials=100, hours=2), over) == ""
    assert limits.why_over(study(trials=100, hours=1.5), over) == "The time is over: 1 h 30 min of work."


def test_a_study_of_few_combinations_ends_with_them() -> None:
    asked = study(vary={"prune.ratio": "0.2,0.4"}, trials=None, hours=1)
    assert limits.why_over(asked, [done(0, 1.0), done(1, 1.0)]) == "Every combination was tried: 2."


def filled(folder: Path, count: int) -> None:
    """A study with so many trials."""
    asked = study(trials=10_000, sampler="random")
    study_file.create(folder, asked)
    journal = storage.opened(folder, asked, bounds=trials.judge(asked.bounds))
    ratio = optuna.distributions.FloatDistribution(0.1, 0.6)
    for number in range(count):
        cut = 0.1 + 0.5 * number / count
        size = 1 - cut
        journal.study.add_trial(
            optuna.create_trial(
                params={"prune.ratio": cut},
                distributions={"prune.ratio": ratio},
                values=[size, 1 / size],
                user_attrs={FIGURES: {"size": size, "latency": 1 / size}, SECONDS: 1.0},
            )
        )


def test_what_is_new_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "some.study"
    filled(folder, 3)
    watch = StudyWatch(folder)
    before = watch.look()
    assert [trial.state for trial in before.trials] == ["done"] * 3
    assert set(before.front) == {0, 1, 2}  # each smaller one is slower
    journal = storage.opened(folder, before.study, bounds=None)
    before.study.space.suggested(journal.study.ask())
    assert [trial.state for trial in watch.look().trials][3:] == ["interrupted"]
    with storage.held(folder):
        view = watch.look()
    assert view.at_work
    assert [trial.state for trial in view.trials][3:] == ["running"]


@pytest.mark.slow
def test_a_thousand_trials_are_looked_at_in_a_moment(tmp_path: Path) -> None:
    folder = tmp_path / "many.study"
    filled(folder, 1000)
    watch = StudyWatch(folder)
    assert len(watch.look().trials) == 1000
    took = []
    for _ in range(50):
        began = time.perf_counter()
        watch.look()
        took.append(time.perf_counter() - began)
    assert statistics.median(took) < 0.016
    assert all(0.99 < sum(found.values()) < 1.01 for found in watch.importances().values())


def test_what_decides_is_said_by_objective(tmp_path: Path) -> None:
    folder = tmp_path / "some.study"
    filled(folder, 12)
    watch = StudyWatch(folder)
    watch.look()
    assert watch.importances() == {"size": {"prune.ratio": 1.0}, "latency": {"prune.ratio": 1.0}}
