"""What the list of recent projects says of each."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from pqv_core.project import project_file as projects
from pqv_core.project.project_file import Project
from pqv_core.results import record as results
from pqv_core.results.record import Accuracy, RunRecord
from pqv_gui.viewmodels import project_notes
from tests.fakes.records import record

THEN = 1_700_000_000.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "birds.pqv"
    projects.save(path, Project())
    os.utime(path, (THEN, THEN))
    return path


def keep(project: Path, made: RunRecord, *, at: float = THEN - 60) -> None:
    directory = projects.runs_directory(project) / made.id
    directory.mkdir(parents=True)
    results.save(directory, made)
    os.utime(directory / results.RUN_FILE, (at, at))


def test_a_project_in_which_nothing_has_run_has_a_date_alone(project: Path) -> None:
    note = project_notes.look(project)
    assert note.changed == datetime.fromtimestamp(THEN) and note.result == ""


def test_the_newest_run_says_accuracy_latency_and_size(project: Path) -> None:
    keep(project, record("20260101-000000-0000").model_copy(update={"state": "failed"}))
    dense = Accuracy(top1=0.9, top5=1.0, loss=0.1, images=100)
    keep(project, record("20260201-000000-0000").model_copy(update={"dense_accuracy": dense}), at=THEN + 60)
    note = project_notes.look(project)
    assert note.changed == datetime.fromtimestamp(THEN + 60)
    assert note.result == "88.5 % ± 3.2 · 10.0 ms · 8.00 MB"


@pytest.mark.parametrize(
    ("state", "words"),
    [("failed", "Last run failed"), ("cancelled", "Last run stopped"), ("running", "Last run interrupted")],
)
def test_a_run_that_did_not_succeed_says_how_it_ended(project: Path, state: str, words: str) -> None:
    keep(project, record().model_copy(update={"state": state}))
    assert project_notes.look(project).result == words


def test_a_damaged_run_does_not_hide_the_one_before(project: Path) -> None:
    keep(project, record("20260101-000000-0000").model_copy(update={"state": "cancelled"}))
    broken = projects.runs_directory(project) / "20260301-000000-0000"
    broken.mkdir()
    (broken / results.RUN_FILE).write_text("{")
    assert project_notes.look(project).result == "Last run stopped"


def test_a_project_that_is_gone_says_so(tmp_path: Path) -> None:
    note = project_notes.look(tmp_path / "gone.pqv")
    assert note.changed is None and note.result == "File not found"
