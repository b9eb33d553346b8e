"""Undo and redo."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pqv_gui.viewmodels.undo_history import LIMIT, MERGE_S, UndoHistory


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_done_is_undone_and_redone_in_order() -> None:
    clock = Clock()
    history = UndoHistory(0, clock=clock)
    for state in (1, 2, 3):
        history.push(state, f"to {state}")
        clock.now += 2 * MERGE_S
    history.undo()
    history.undo()
    assert (history.state, history.undo_label, history.redo_label) == (1, "to 1", "to 2")
    history.redo()
    assert history.state == 2


def test_a_dragged_slider_is_one_step() -> None:
    clock = Clock()
    history = UndoHistory(0, clock=clock)
    for state in range(1, 50):
        history.push(state, "prune.ratio")
        clock.now += MERGE_S / 10
    history.undo()
    assert history.state == 0


def test_changes_of_two_settings_are_two_steps() -> None:
    history = UndoHistory(0, clock=Clock())
    history.push(1, "prune.ratio")
    history.push(2, "prune.round_to")
    history.undo()
    assert history.state == 1


def test_a_pause_ends_a_step() -> None:
    clock = Clock()
    history = UndoHistory(0, clock=clock)
    history.push(1, "prune.ratio")
    clock.now += MERGE_S
    history.push(2, "prune.ratio")
    history.undo()
    assert history.state == 1


def test_after_undo_the_same_setting_starts_a_new_step() -> None:
    history = UndoHistory(0, clock=Clock())
    history.push(1, "a")
    history.undo()
    history.push(2, "a")
    assert history.redo_label == ""
    history.undo()
    assert history.state == 0


def test_a_new_state_forgets_what_was_undone() -> None:
    history = UndoHistory(0, clock=Clock())
    history.push(1, "a")
    history.undo()
    history.push(2, "b")
    history.redo()
    assert history.state == 2


@given(st.lists(st.integers(), max_size=30))
def test_undoing_everything_leads_to_the_first_state(states: list[int]) -> None:
    clock = Clock()
    history = UndoHistory("first", clock=clock)
    for state in states:
        history.push(str(state), "x")
        clock.now += 2 * MERGE_S
    for _ in states:
        history.undo()
    assert history.state == "first"
    assert history.undo_label == ""


def test_the_oldest_steps_are_forgotten() -> None:
    clock = Clock()
    history = UndoHistory(-1, clock=clock)
    for state in range(3 * LIMIT):
        history.push(state, "x")
        clock.now += 2 * MERGE_S
    steps = 0
    while history.undo_label:
        history.undo()
        steps += 1
    assert steps == LIMIT - 1
    assert history.state == 2 * LIMIT
