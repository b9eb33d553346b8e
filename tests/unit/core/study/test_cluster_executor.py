"""Trials that go to and fro between this computer and others, which here are threads' worth of queues."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pqv_core.config import RunConfig
from pqv_core.errors import ClusterError, ErrorInfo
from pqv_core.files.fsio import write_json
from pqv_core.process.events import AnyEvent, Event, Finished, Log, Metric, StageFinished, StageStarted
from pqv_core.process.job import RunJob
from pqv_core.process.worker_client import Worker
from pqv_core.project import project_file as projects
from pqv_core.project import runs, stage_folder
from pqv_core.results import record as results
from pqv_core.study.away import Arrives, Began, Order
from pqv_core.study.cluster_executor import ClusterExecutor, NodeLostError
from tests.fakes import records

# What stands in for a worker of this computer: it needs the stage "one", and stops before it where it is not there.
_HERE = """
import json, pathlib, sys
job = json.loads(sys.stdin.readline())
def say(type, **values):
    print(json.dumps(dict(values, type=type, run=job["run"])), flush=True)
run = pathlib.Path(job["project"]).with_suffix(".runs") / job["run"]
say("job_started", stages=["one", "two"])
say("stage_started", stage="one", index=0, total=2)
if (run / "stages" / "one" / "done.json").exists():
    say("stage_finished", stage="one", seconds=1, cached=True)
    say("stage_finished", stage="two", seconds=1)
    say("finished", outcome="succeeded")
else:
    say("finished", outcome="succeeded", result={"before": "one"})
"""

Script = list[tuple[str, bytes] | Exception]


def stage(folder: Path, name: str = "one") -> bytes:
    """A finished stage, as it travels."""
    place = folder / "made" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "model").write_bytes(b"weights")
    done = stage_folder.Done("hash", 1.0, {}, [], files={"model": 7})
    write_json(place / stage_folder.DONE_FILE, done.__dict__)
    return stage_folder.packed(place)


class Scripted:
    """Other computers that say what they were told to; each order takes the next script."""

    slots, threads = 2, 1

    def __init__(self, *scripts: Script) -> None:
        self.orders: list[tuple[Order, list[bytes]]] = []
        self.cancelled = 0
        self.closed = False
        self._scripts = list(scripts)

    def begin(self, order: Order, archives: list[bytes]) -> ScriptedTask:
        self.orders.append((order, archives))
        return ScriptedTask(self, self._scripts.pop(0))

    def close(self) -> None:
        self.closed = True


class ScriptedTask:
    def __init__(self, nodes: Scripted, script: Script) -> None:
        self._nodes = nodes
        self._said: queue.SimpleQueue[tuple[str, bytes] | Exception] = queue.SimpleQueue()
        for item in script:
            self._said.put(item)

    def next(self, timeout: float) -> tuple[str, bytes] | None:
        try:
            item = self._said.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def cancel(self) -> None:
        self._nodes.cancelled += 1


@pytest.fixture
def job(tmp_path: Path) -> RunJob:
    project = tmp_path / "some.pqv"
    projects.save(project, projects.Project())
    job = runs.job(project, config=RunConfig())
    results.save(projects.runs_directory(project) / job.run, running(job))
    return job


def running(job: RunJob) -> results.RunRecord:
    """What a worker leaves that has stopped before a stage."""
    return records.record(job.run).model_copy(update={"state": "running", "spans": (1.0,)})


def said(job: RunJob, *events: Event) -> Script:
    return [(event.model_copy(update={"run": job.run}).model_dump_json(), b"") for event in events]


def began(name: str = "there") -> Script:
    return [(Began(node=name).model_dump_json(), b"")]


def arrives(content: bytes) -> Script:
    return [(Arrives(stage="one").model_dump_json(), content)]


def done(job: RunJob) -> Script:
    return said(job, Finished(outcome="succeeded", result={"before": "two"}))


def here(job: RunJob) -> Worker:
    return Worker(job, command=(sys.executable, "-I", "-S", "-c", _HERE))


def events_of(
    nodes: Scripted, *jobs: RunJob, after: Callable[[ClusterExecutor, AnyEvent], None] = lambda executor, event: None
) -> list[AnyEvent]:
    executor = ClusterExecutor(nodes, here)
    heard: list[AnyEvent] = []
    try:
        for job in jobs:
            executor.begin(job)
        while sum(isinstance(event, Finished) for event in heard) < len(jobs):
            event = executor.next(0.1)
            if event is not None:
                heard.append(event)
                after(executor, event)
    finally:
        executor.close()
    return heard


def texts(heard: list[AnyEvent]) -> list[str]:
    return [event.text for event in heard if isinstance(event, Log)]


def directory(job: RunJob) -> Path:
    return projects.runs_directory(Path(job.project)) / job.run


def test_a_run_goes_away_for_what_may_be_done_elsewhere_and_ends_here(job: RunJob, tmp_path: Path) -> None:
    work = [StageStarted(stage="one", index=0, total=2), Metric(name="val_top1", step=1, value=0.5)]
    end = said(job, StageFinished(stage="one", seconds=1))
    nodes = Scripted([*began(), *said(job, *work), *arrives(stage(tmp_path)), *end, *done(job)])

    heard = events_of(nodes, job)

    (order, archives), *_ = nodes.orders
    assert order.job.part == "away"
    assert (order.job.threads, archives) == (1, [])
    assert texts(heard) == ["Goes on, on there."]
    types = [event.type for event in heard if not isinstance(event, Log)]
    assert types == ["job_started", "stage_started", "metric", "stage_finished", "stage_finished", "finished"]
    assert isinstance(heard[-1], Finished) and heard[-1].outcome == "succeeded"
    assert set(stage_folder.finished(directory(job))) == {"one"}
    assert '"val_top1"' in (directory(job) / results.HISTORY_FILE).read_text()
    (span,) = results.as_written(directory(job)).spans
    assert span > 1.0  # the time away counts
    assert nodes.closed


def test_what_a_lost_computer_had_finished_is_not_done_again(job: RunJob, tmp_path: Path) -> None:
    first: Script = [*began("gone"), *arrives(stage(tmp_path)), NodeLostError()]
    nodes = Scripted(first, [*began("there"), *done(job)])

    heard = events_of(nodes, job)

    assert "gone was lost; what it had not finished is done elsewhere." in texts(heard)
    assert [order.stages for order, _ in nodes.orders] == [(), ("one",)]
    assert nodes.orders[1][1] == [stage_folder.packed(directory(job) / "stages" / "one")]
    assert heard[-1].model_dump()["outcome"] == "succeeded"


def test_a_trial_with_which_every_computer_is_lost_is_to_blame(job: RunJob) -> None:
    nodes = Scripted(*[[*began(), NodeLostError()] for _ in range(3)])

    heard = events_of(nodes, job)

    end = heard[-1]
    assert isinstance(end, Finished) and end.error is not None
    assert "3 computers in a row were lost" in end.error.message
    assert results.as_written(directory(job)).state == "failed"


def test_half_a_stage_never_comes_into_its_place(job: RunJob, tmp_path: Path) -> None:
    content = stage(tmp_path)
    nodes = Scripted([*began(), *arrives(content[: len(content) // 2]), *done(job)])

    heard = events_of(nodes, job)

    end = heard[-1]
    assert isinstance(end, Finished) and end.error is not None
    assert end.error.message == "The stage one has not arrived whole."
    assert stage_folder.finished(directory(job)) == {}


def test_an_error_of_another_computer_keeps_its_kind_and_says_where_it_was(job: RunJob) -> None:
    error = ErrorInfo(kind="TrainingError", message="It diverged.", action="Lower it.")
    nodes = Scripted([*began("gpu-3"), *said(job, Finished(outcome="failed", error=error))])

    end = events_of(nodes, job)[-1]

    assert isinstance(end, Finished)
    assert end.error == ErrorInfo(kind="TrainingError", message="On gpu-3: It diverged.", action="Lower it.")


def test_work_that_this_computer_would_have_done_otherwise_is_refused(job: RunJob) -> None:
    nodes = Scripted([*began(), *done(job)])  # and yet the stage is not there

    end = events_of(nodes, job)[-1]

    assert isinstance(end, Finished) and end.error is not None
    assert end.error.kind == ClusterError.__name__
    assert "from other inputs" in end.error.message


def test_a_run_that_is_stopped_away_is_ended_there_and_is_cancelled(job: RunJob) -> None:
    nodes = Scripted([*began(), *said(job, Metric(name="val_top1", step=1, value=0.5))])

    def stop(executor: ClusterExecutor, event: AnyEvent) -> None:
        if isinstance(event, Metric):
            executor.stop(job.run)

    end = events_of(nodes, job, after=stop)[-1]

    assert isinstance(end, Finished) and end.outcome == "cancelled"
    assert nodes.cancelled == 1
    assert results.as_written(directory(job)).state == "cancelled"


def test_what_two_runs_would_train_alike_is_trained_once(job: RunJob, tmp_path: Path) -> None:
    other = job.model_copy(update={"run": f"{job.run}-2", "config": job.config.changed(quantize={"precision": "fp16"})})
    results.save(directory(other), running(other))
    waiting: list[int] = []

    def look(executor: ClusterExecutor, event: AnyEvent) -> None:
        if isinstance(event, Metric):  # the second waits by now, and takes no room
            while executor.slots < nodes.slots + 2:
                executor.next(0.05)
            waiting.append(executor.slots)
            stage_folder.put(directory(other), "one", stage(tmp_path))  # as a pipeline takes it over
            executor.stop(job.run)

    nodes = Scripted([*began(), *said(job, Metric(name="val_top1", step=1, value=0.5))])
    heard = events_of(nodes, job, other, after=look)

    assert waiting == [4]
    assert len(nodes.orders) == 1
    ends: dict[str, Any] = {event.run: event.outcome for event in heard if isinstance(event, Finished)}
    assert ends == {job.run: "cancelled", other.run: "succeeded"}
