"""A project has one writer: who comes second is told who was first; the hold of a dead process is gone with it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pqv_core.project import project_file as projects
from pqv_core.project import run_lock, runs
from pqv_core.project.lock import ProjectLock, ProjectOpenError

HOLD_AND_DIE = """
import os, sys
from pathlib import Path
from pqv_core.project.lock import ProjectLock
with ProjectLock().moving(Path(sys.argv[1])):
    print("held", flush=True)
    os._exit(9)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "small.pqv"
    projects.save(path, projects.Project())
    return path


def take(lock: ProjectLock, path: Path) -> None:
    with lock.moving(path):
        pass


def test_the_second_is_told_who_was_first(project: Path) -> None:
    first, second = ProjectLock(), ProjectLock()
    take(first, project)
    with pytest.raises(ProjectOpenError) as caught:
        take(second, project)
    assert f"on this computer, by process {os.getpid()}, since " in str(caught.value)
    first.release()
    take(second, project)
    second.release()


@pytest.mark.parametrize("note", ["", "{", "[]", '{"computer": "x", "process": -1, "since": "now"}', "\0\xff"])
def test_a_damaged_note_still_says_that_it_is_open(project: Path, note: str) -> None:
    first = ProjectLock()
    take(first, project)
    project.with_name(".small.pqv.holder").write_text(note, encoding="latin-1")
    with pytest.raises(ProjectOpenError, match="is open in another window"):
        take(ProjectLock(), project)
    first.release()


def test_another_computer_is_named_without_what_cannot_be_printed(project: Path) -> None:
    first = ProjectLock()
    take(first, project)
    note = project.with_name(".small.pqv.holder")
    note.write_text('{"computer": "lab\\u001b[2J", "process": 7, "since": "2026-01-31T12:00:00Z"}', encoding="utf-8")
    with pytest.raises(ProjectOpenError, match=r"on the computer lab\[2J, by process 7"):
        take(ProjectLock(), project)
    first.release()


def test_the_hold_of_a_process_that_died_is_taken_over_silently(project: Path) -> None:
    died = subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(project)], capture_output=True, check=False)
    assert (died.returncode, died.stdout.strip()) == (9, b"held")
    assert project.with_name(".small.pqv.holder").exists()
    lock = ProjectLock()
    take(lock, project)
    assert str(os.getpid()) in project.with_name(".small.pqv.holder").read_text(encoding="utf-8")
    lock.release()
    assert not project.with_name(".small.pqv.holder").exists()


def test_moving_to_another_project_lets_go_of_the_first(project: Path, tmp_path: Path) -> None:
    other, lock = tmp_path / "other.pqv", ProjectLock()
    take(lock, project)
    with lock.moving(other):
        projects.save(other, projects.Project())
    take(second := ProjectLock(), project)
    with pytest.raises(ProjectOpenError):
        take(ProjectLock(), other)
    second.release()
    lock.release()


def test_what_fails_keeps_the_first(project: Path, tmp_path: Path) -> None:
    other, lock = tmp_path / "other.pqv", ProjectLock()
    projects.save(other, projects.Project())
    take(lock, project)
    with pytest.raises(ValueError, match="damaged"), lock.moving(other):
        raise ValueError("damaged")
    with pytest.raises(ProjectOpenError):
        take(ProjectLock(), project)
    take(second := ProjectLock(), other)
    second.release()
    lock.release()


def test_nothing_is_left_beside_a_project_that_is_not_there(tmp_path: Path) -> None:
    lock = ProjectLock()
    take(lock, tmp_path / "gone" / "small.pqv")
    assert list(tmp_path.iterdir()) == []
    lock.release()


def test_a_run_is_not_kept_back(project: Path) -> None:
    lock = ProjectLock()
    take(lock, project)
    run = projects.runs_directory(project) / runs.choose(project, fresh=True)
    with runs.claimed(run):
        assert run_lock.is_held(run)
    lock.release()


def test_the_note_names_this_computer(project: Path) -> None:
    lock = ProjectLock()
    take(lock, project)
    assert platform.node() in project.with_name(".small.pqv.holder").read_text(encoding="utf-8")
    lock.release()


def test_a_path_that_the_system_refuses_is_left_to_whoever_saves_there(tmp_path: Path) -> None:
    with ProjectLock().moving(tmp_path / f"{'x' * 300}.pqv"):
        assert list(tmp_path.iterdir()) == []
