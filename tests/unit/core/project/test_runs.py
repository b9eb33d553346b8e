"""The folder of a project's runs is held for moments, a run's own folder for as long as it is worked on."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from pqv_core.errors import ErrorInfo, ProjectError, StorageError
from pqv_core.process.events import Finished, Outcome
from pqv_core.project import run_label, run_lock, runs
from pqv_core.results import record as results
from pqv_core.results.record import StageRecord
from tests.fakes.records import record

HOLD_AND_DIE = """
import os, sys
from pathlib import Path
from pqv_core.project import runs
with runs.arranging(Path(sys.argv[1])):
    os._exit(9)
"""


class EnoughError(Exception):
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "small.runs"
    made.mkdir()
    return made


def give_up(seconds: float) -> None:
    raise EnoughError


def test_one_holds_the_folder_and_the_next_waits(folder: Path) -> None:
    order: list[str] = []
    asked = threading.Event()

    def second() -> None:
        with runs.arranging(folder, waiting=lambda _: asked.set()):
            order.append("second")

    thread = threading.Thread(target=second)
    with runs.arranging(folder):
        thread.start()
        asked.wait()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_who_waits_too_long_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_HELD_S", 0.05)
    said = pytest.raises(ProjectError, match="locked this project's runs")
    with runs.arranging(folder), said as caught, runs.arranging(folder):
        pass
    assert caught.value.action


def test_the_hold_of_a_process_that_was_killed_is_gone(folder: Path) -> None:
    died = subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(folder)], check=False)
    assert died.returncode == 9
    with runs.arranging(folder, waiting=give_up):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="the lock of POSIX")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_drive_that_cannot_lock_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(StorageError, match="cannot lock files") as caught, runs.claimed(folder / "r"):
        pass
    assert "network drive" in caught.value.action


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match=r"read-only|Permission denied"), runs.claimed(folder / "r"):
        pass


def test_a_folder_that_is_gone_is_said_and_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"), runs.arranging(tmp_path / "gone.runs"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_claimed_run_in_which_nothing_was_written_leaves_nothing(folder: Path) -> None:
    with runs.claimed(folder / "empty"):
        assert run_lock.is_held(folder / "empty")
    with runs.claimed(folder / "whole"):
        results.save(folder / "whole", record("whole"))
    assert sorted(path.name for path in folder.iterdir()) == [run_lock.LOCK_FILE, "whole"]
    assert not run_lock.is_held(folder / "whole")


def test_a_run_is_not_claimed_while_it_is_being_moved_away(folder: Path) -> None:
    results.save(folder / "r", record("r"))
    with runs.arranging(folder):
        gone = run_label.movable(folder / "r").rename(folder / "trashed")
        with pytest.raises(EnoughError), runs.claimed(folder / "r", waiting=give_up):
            pass
    assert (gone / results.RUN_FILE).exists()
    assert not (folder / "r").exists()


def test_the_lock_of_the_folder_is_no_run(folder: Path) -> None:
    results.save(folder / "r", record("r"))
    with runs.arranging(folder):
        assert [found.name for found, _ in results.load_folders(folder)[0]] == ["r"]
        assert results.load_folders(folder)[1] == []


def written(folder: Path, state: str, *, spans: tuple[float, ...] = ()) -> Path:
    """A run that its file says to be in this state, at the stage of pruning."""
    stages = (StageRecord(name="load", state="done"), StageRecord(name="prune", state=state))
    directory = folder / "20260101-000000-0000"
    directory.mkdir()
    results.save(directory, record().model_copy(update={"state": state, "stages": stages, "spans": spans}))
    return directory


def test_a_run_that_says_running_is_interrupted_where_nobody_works_on_it(folder: Path) -> None:
    directory = written(folder, "running")

    for found in (results.load(directory), *results.load_all(folder)[0]):
        assert found.state == "interrupted"
        assert [stage.state for stage in found.stages] == ["done", "cancelled"]
    with runs.claimed(directory):
        assert results.load(directory).state == "running"
    assert results.as_written(directory).state == "running"  # to read is not to write


def test_many_who_look_at_once_do_not_take_each_other_for_a_worker(folder: Path) -> None:
    directory = written(folder, "running")
    with runs.claimed(directory):
        pass
    seen: list[str] = []
    looking = [threading.Thread(target=lambda: seen.append(results.load(directory).state)) for _ in range(16)]
    for thread in looking:
        thread.start()
    for thread in looking:
        thread.join()
    assert seen == ["interrupted"] * 16


@pytest.mark.parametrize("outcome", ["cancelled", "failed"])
def test_how_a_run_ended_is_written_where_its_worker_could_not(folder: Path, outcome: Outcome) -> None:
    directory = written(folder, "running", spans=(40.0, 12.0))
    then = time.time() - 65
    os.utime(directory / results.RUN_FILE, (then, then))
    error = ErrorInfo(kind="WorkerError", message="It was killed.") if outcome == "failed" else None

    runs.conclude(directory, Finished(outcome=outcome, error=error), seconds=600)

    found = results.as_written(directory)
    assert (found.state, found.stages[1].state, found.error) == (outcome, outcome, error)
    assert found.spans == (40.0, pytest.approx(77, abs=2))


def test_how_a_run_ended_is_written_although_somebody_is_just_looking_at_it(folder: Path) -> None:
    directory = written(folder, "running")
    looker = FileLock(directory / run_lock.LOCK_FILE, thread_local=False)
    looker.acquire()
    done = threading.Timer(0.1, looker.release)
    done.start()
    runs.conclude(directory, Finished(outcome="failed"), seconds=1)
    done.join()
    assert results.load(directory).state == "failed"


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "a word of a newer version"])
def test_what_a_run_says_of_its_end_stays(folder: Path, state: str) -> None:
    directory = written(folder, state)
    runs.conclude(directory, Finished(outcome="cancelled"), seconds=1)
    assert results.as_written(directory).state == state


def test_one_that_was_killed_when_all_was_written_has_succeeded(folder: Path) -> None:
    directory = written(folder, "succeeded")
    error = ErrorInfo(kind="WorkerError", message="It was killed.")
    ended = runs.conclude(directory, Finished(outcome="failed", error=error, stage="report"), seconds=60)
    assert (ended.outcome, ended.error, ended.stage) == ("succeeded", None, "")


def test_one_that_had_succeeded_before_and_was_killed_at_once_has_not_succeeded_again(folder: Path) -> None:
    directory = written(folder, "succeeded")
    then = time.time() - 65
    os.utime(directory / results.RUN_FILE, (then, then))
    assert runs.conclude(directory, Finished(outcome="failed"), seconds=5).outcome == "failed"


def test_a_run_of_another_process_is_not_concluded(folder: Path) -> None:
    directory = written(folder, "running")
    with runs.claimed(directory):
        runs.conclude(directory, Finished(outcome="failed"), seconds=1)
    assert results.as_written(directory).state == "running"
    runs.conclude(folder / "none", Finished(outcome="failed"), seconds=1)
    assert not (folder / "none").exists()
