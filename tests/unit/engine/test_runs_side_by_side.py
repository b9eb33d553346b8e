"""Runs of one project in several processes: no number twice, no stage half taken over, nobody fails because of another.

The stages are small ones of their own, so that two processes meet often.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pqv_core.config import PruneConfig, RunConfig
from pqv_core.engine import pipeline
from pqv_core.engine.context import Context
from pqv_core.engine.stages import RunState, Stage
from pqv_core.errors import Cancelled, ProjectError
from pqv_core.process.events import Event, Log, StageFinished
from pqv_core.process.job import RunJob
from pqv_core.project import project_file as projects
from pqv_core.project import run_label, run_lock, runs
from pqv_core.results import record as results

FILES = 30
ROUNDS = 60

CHILD = """
import sys
from pathlib import Path
from tests.unit.engine import test_runs_side_by_side as toy
toy.work_as(Path(sys.argv[1]), int(sys.argv[2]))
"""


def toy_stages(salt: int) -> tuple[Stage, ...]:
    """One stage of many small files, all of which hold the salt that it depends on."""

    def execute(state: RunState, directory: Path) -> dict[str, int]:
        for number in range(FILES):
            (directory / f"{number}.txt").write_text(str(salt))
        return {"salt": salt}

    return (Stage("toy", lambda state: {"salt": salt}, execute),)


def do(job: RunJob, salt: int, events: list[Event] | None = None) -> Path:
    """Do a run; its folder."""
    pipeline.STAGES = toy_stages(salt)
    heard: list[Event] = [] if events is None else events
    pipeline.run(job, Context(run=job.run, send=heard.append))
    return projects.runs_directory(Path(job.project)) / job.run


def work_as(project: Path, who: int) -> None:
    """What each process does: a word that it is ready, one run after another, and at last what was wrong."""
    import random

    chance = random.Random(who)
    print("ready", flush=True)
    sys.stdin.readline()
    wrong, taken = [], 0
    for turn in range(ROUNDS):
        salt, seed = chance.randrange(3), chance.randrange(4) if turn % 3 else 1000 * who + turn
        try:
            events: list[Event] = []
            job = runs.job(project, config=RunConfig(prune=PruneConfig(importance="l1"), seed=seed))
            folder = do(job, salt, events)
            taken += any(isinstance(event, StageFinished) and event.cached for event in events)
            if turn % 10 == 9:
                with runs.arranging(folder.parent):
                    trashed = folder.with_name(f"{folder.name}.trashed")
                    run_label.movable(folder).rename(trashed)
                shutil.rmtree(trashed)
        except ProjectError as error:
            if "in use" not in error.message:
                wrong.append(str(error))
        except Exception as error:  # noqa: BLE001
            wrong.append(repr(error))
    print(json.dumps({"wrong": wrong, "taken": taken}), flush=True)


@pytest.fixture(autouse=True)
def real_stages() -> object:
    kept = pipeline.STAGES
    yield
    pipeline.STAGES = kept


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "toy.pqv"
    projects.save(path, projects.Project())
    return path


def job_of(project: Path, *, seed: int) -> RunJob:
    return runs.job(project, config=RunConfig(seed=seed))


def test_two_processes_that_run_one_project_do_not_disturb_each_other(project: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", CHILD, str(project)]
    children = [
        subprocess.Popen(
            [*command, str(who)],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in (1, 2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    ends = [child.communicate(timeout=300) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    told = [json.loads(out) for out, _ in ends]
    assert [end["wrong"] for end in told] == [[], []]
    assert all(end["taken"] for end in told)

    found, problems = results.load_folders(projects.runs_directory(project))
    assert problems == []
    numbers = [record.number for _, record in found]
    assert len(set(numbers)) == len(numbers)
    for folder, _ in found:
        stage = folder / "stages" / "toy"
        salt = json.loads((stage / "done.json").read_text())["result"]["salt"]
        assert {(stage / f"{number}.txt").read_text() for number in range(FILES)} == {str(salt)}
        assert sorted(path.name for path in (folder / "stages").iterdir()) == ["toy"]


def test_a_number_waits_for_the_run_that_takes_one(project: Path) -> None:
    """Two begin in the same moment: the second one waits until the first one stands in the list."""
    first = do(job_of(project, seed=1), 0)
    ended = threading.Event()
    with runs.arranging(first.parent):
        thread = threading.Thread(target=lambda: (do(job_of(project, seed=2), 0), ended.set()))
        thread.start()
        assert not ended.is_set()
        second = projects.runs_directory(project) / "20990101-000000-0000"
        second.mkdir()
        record = results.load(first)
        results.save(second, record.model_copy(update={"id": second.name, "number": record.number + 1}))
    thread.join()
    numbers = sorted(record.number for record in results.load_all(first.parent)[0])
    assert numbers == [1, 2, 3]


def test_a_run_that_only_a_newer_version_can_read_keeps_its_number(project: Path) -> None:
    first = do(job_of(project, seed=1), 0)
    plain = json.loads((first / results.RUN_FILE).read_text())
    (first / results.RUN_FILE).write_text(json.dumps({**plain, "schema_version": 99, "number": 7}))
    second = do(job_of(project, seed=2), 0)
    assert results.load(second).number == 8


def test_the_same_run_begun_twice_in_one_moment_is_told(project: Path) -> None:
    """Both chose an id of their own, for neither saw the other's."""
    jobs = [RunJob(run=f"id-{number}", project=str(project), config=RunConfig(seed=1)) for number in (1, 2)]
    events: list[Event] = []

    class Second:
        """Begins the second run while the first is at work."""

        def __call__(self, event: Event) -> None:
            events.append(event)
            if isinstance(event, StageFinished):
                with pytest.raises(ProjectError, match="id-1 is in use by another process"):
                    do(jobs[1], 0)

    pipeline.STAGES = toy_stages(0)
    pipeline.run(jobs[0], Context(run="id-1", send=Second()))
    folder = projects.runs_directory(project)
    assert sorted(path.name for path in folder.iterdir()) == [run_lock.LOCK_FILE, "id-1"]
    assert results.load(folder / "id-1").state == "succeeded"


def test_who_waits_is_told_and_may_cancel(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    do(job_of(project, seed=1), 0)
    monkeypatch.setattr(pipeline, "_WORD_S", 0.05)
    context = Context(run="second", send=lambda event: said.append(event) or context.cancelled.set())
    said: list[Event] = []
    job = RunJob(run="second", project=str(project), config=RunConfig(seed=2))
    with runs.arranging(projects.runs_directory(project)), pytest.raises(Cancelled):
        pipeline.run(job, context)
    assert [event.text for event in said if isinstance(event, Log)] == [
        "Waiting for another run of this project that is reusing a finished stage."
    ]


def test_the_hold_of_a_process_that_was_killed_is_gone(project: Path) -> None:
    folder = projects.runs_directory(project)
    folder.mkdir()
    code = (
        "import os, sys; from pathlib import Path; from pqv_core.project import runs\n"
        "with runs.arranging(Path(sys.argv[1])): os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert died.returncode == 9
    assert results.load(do(job_of(project, seed=1), 0)).number == 1


@pytest.mark.parametrize("lost", ["3.txt", "done.json", "all"])
def test_a_stage_that_is_being_deleted_is_made_again(project: Path, lost: str) -> None:
    """By somebody who does not ask, such as a file manager: done.json may be the last to go."""
    first = do(job_of(project, seed=1), 5)
    stage = first / "stages" / "toy"
    if lost == "all":
        shutil.rmtree(stage)
    else:
        (stage / lost).unlink()
    events: list[Event] = []
    second = do(job_of(project, seed=2), 5, events)
    assert not any(event.cached for event in events if isinstance(event, StageFinished))
    assert len(list((second / "stages" / "toy").glob("*.txt"))) == FILES
    again = do(job_of(project, seed=1), 5)
    assert len(list((again / "stages" / "toy").glob("*.txt"))) == FILES


def test_a_stage_taken_over_is_not_changed_with_the_one_it_came_from(project: Path) -> None:
    first = do(job_of(project, seed=1), 5)
    second = do(job_of(project, seed=2), 5)
    assert (first / "stages/toy/0.txt").samefile(second / "stages/toy/0.txt")
    do(job_of(project, seed=1), 6)
    assert (first / "stages/toy/0.txt").read_text() == "6"
    assert (second / "stages/toy/0.txt").read_text() == "5"
