"""The runs that wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.config import RunConfig
from pqv_core.project.project_file import QueuedRun
from pqv_gui.pages.run.run_queue import Ended, RunQueue
from pqv_gui.viewmodels.project_session import ProjectSession


def item(seed: int) -> QueuedRun:
    return QueuedRun(config=RunConfig(seed=seed))


def seeds(queue: RunQueue) -> list[int]:
    return [waiting.config.seed for waiting in queue.waiting]


@pytest.fixture
def session(tmp_path: Path) -> ProjectSession:
    made = ProjectSession()
    made.create(tmp_path, "small")
    return made


@pytest.fixture
def queue(session: ProjectSession) -> RunQueue:
    made = RunQueue(session)
    for seed in (1, 2, 3):
        made.add(item(seed))
    return made


def test_runs_wait_in_the_order_in_which_they_came_unless_one_is_moved_or_removed(queue: RunQueue) -> None:
    assert seeds(queue) == [1, 2, 3]
    queue.move_up(2)
    queue.move_up(0)
    assert seeds(queue) == [1, 3, 2]
    queue.remove(1)
    assert seeds(queue) == [1, 2]


def test_one_that_was_taken_waits_no_longer_and_is_kept_until_it_has_ended(
    queue: RunQueue, session: ProjectSession
) -> None:
    taken = queue.take()
    queue.move_up(1)
    assert (taken, seeds(queue)) == (item(1), [3, 2])
    assert session.queue[0] == taken
    queue.over(Ended(taken, "failed", "It cannot be pruned."))
    assert taken not in session.queue
    assert queue.ready
    queue.again(0)
    assert (seeds(queue), queue.ended) == ([3, 2, 1], ())


def test_after_a_cancel_nothing_begins_until_the_person_goes_on(queue: RunQueue) -> None:
    queue.take()
    queue.hold("cancelled")
    assert (queue.pause, queue.ready, seeds(queue)) == ("cancelled", False, [1, 2, 3])
    queue.add(item(4))
    assert not queue.ready
    queue.go_on()
    assert queue.ready


def test_a_queue_without_runs_is_not_paused(queue: RunQueue) -> None:
    queue.hold("cancelled")
    for _ in range(3):
        queue.remove(0)
    assert (queue.pause, queue.ready) == ("", False)
    queue.add(item(5))
    assert queue.ready


def test_a_run_that_did_not_wait_is_noted_where_others_wait_for_it(queue: RunQueue) -> None:
    queue.over(Ended(item(9), "succeeded"))
    assert seeds(queue) == [1, 2, 3]
    assert [ended.item for ended in queue.ended] == [item(9)]


def test_a_new_queue_forgets_how_the_old_one_ended(session: ProjectSession) -> None:
    queue = RunQueue(session)
    queue.over(Ended(item(9), "succeeded"))
    assert queue.ended == ()
    queue.add(item(1))
    queue.over(Ended(queue.take(), "succeeded"))
    assert len(queue.ended) == 1
    queue.add(item(2))
    assert queue.ended == ()


def test_the_queue_is_kept_with_the_project_and_waits_for_the_person_there(
    queue: RunQueue, session: ProjectSession
) -> None:
    queue.take()
    assert session.unsaved
    session.save()
    assert session.path is not None
    later = ProjectSession()
    later.open(session.path)
    queue = RunQueue(later)
    queue.entered()
    assert (seeds(queue), queue.pause) == ([1, 2, 3], "reopened")


def test_undo_leaves_the_queue_as_it_is(queue: RunQueue, session: ProjectSession) -> None:
    session.set("seed", 7)
    queue.add(item(4))
    session.undo()
    assert seeds(queue) == [1, 2, 3, 4]


def test_paths_of_waiting_runs_move_with_the_project(session: ProjectSession, tmp_path: Path) -> None:
    queue = RunQueue(session)
    session.set("data.val", "images/val")
    queue.add(QueuedRun(config=session.config))
    (tmp_path / "elsewhere").mkdir()
    session.save_as(tmp_path / "elsewhere" / "copy.pqv")
    assert queue.waiting[0].config.data.val == "../images/val"
