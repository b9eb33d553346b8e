"""The time of operators adds up to that of an inference, and the profiler's own time is in none of them."""

from __future__ import annotations

from pqv_core.engine.formats.operator_profile import ProfiledRun, operator_times
from pqv_core.results.operators import INTERPRETER


def test_what_profiling_takes_is_taken_off_by_calls_and_the_rest_is_the_interpreter() -> None:
    turn = ProfiledRun(plain=1_000, profiled=1_400, rows={"aten::linear": (1, 700), "aten::add": (3, 500)})
    times = {row.name: row.ns for row in operator_times([turn])}
    assert times == {"aten::linear": 600, "aten::add": 200, INTERPRETER: 200}
    assert sum(times.values()) == turn.plain


def test_one_turn_that_was_disturbed_changes_nothing() -> None:
    calm = ProfiledRun(plain=1_000, profiled=1_000, rows={"aten::linear": (1, 900)})
    disturbed = ProfiledRun(plain=9_000, profiled=30_000, rows={"aten::linear": (1, 25_000)})
    assert operator_times([calm, disturbed, calm]) == operator_times([calm])


def test_disturbances_that_meet_another_operator_in_each_turn_do_not_become_the_interpreters_time() -> None:
    rows = [{"a": (1.0, 500.0 + 90 * (turn == 0)), "b": (1.0, 500.0 + 90 * (turn == 1))} for turn in range(2)]
    times = operator_times([ProfiledRun(plain=1_090, profiled=1_090, rows=row) for row in rows])
    assert [(row.name, row.ns) for row in times] == [("a", 545), ("b", 545)]


def test_the_longest_comes_first_and_an_operator_that_took_nothing_is_left_out() -> None:
    turn = ProfiledRun(plain=10, profiled=10, rows={"a": (1, 2), "b": (1, 8), "c": (1, 0)})
    assert [row.name for row in operator_times([turn])] == ["b", "a"]


def test_operators_that_seem_to_take_longer_than_the_inference_leave_nothing_between_them() -> None:
    turn = ProfiledRun(plain=10, profiled=10, rows={"a": (1, 12)})
    assert [(row.name, row.ns) for row in operator_times([turn])] == [("a", 12)]
