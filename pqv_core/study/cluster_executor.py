"""Trials on several computers: each is trained where there is room, and measured on this one, one at a time.

A run goes to and fro. What must be done here (the latencies, and the files that are chosen by them) is done by an
ordinary worker; before a stage that may be done anywhere the worker stops, and another computer does what follows,
until something must be done here again. Its finished stages come back one by one and are put in place whole, so the
run's folder is always that of an ordinary run, which any worker can go on with.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pqv_core.errors import Cancelled, ClusterError, ErrorInfo, PqvError, ToldError
from pqv_core.files.fsio import sha256_json
from pqv_core.process.events import AnyEvent, Finished, JobStarted, Log, Metric, StageFinished, StageStarted
from pqv_core.process.job import RunJob
from pqv_core.process.worker_client import Worker
from pqv_core.project import project_file as projects
from pqv_core.project import runs, stage_folder
from pqv_core.project.history import History
from pqv_core.results import record as results
from pqv_core.study import away
from pqv_core.study.away import Arrives, Began, Order, Sent

_WAIT_S = 0.25
_PATIENCE_S = 10.0  # without room, after which it is said what is waited for
_LOST = 3
"""So many computers in a row are lost with a trial before it is the trial that is to blame."""


class NodeLostError(Exception):
    """The computer that was at work is gone, or its process is."""


class Task(Protocol):
    """A part of a run, on its way or at work on another computer."""

    def next(self, timeout: float) -> Sent | None:
        """What it says next, ending with one ``Finished``; None where there is nothing in time.

        Raises:
            NodeLostError: Nothing will come any more.
            PqvError: It cannot be done at all.
        """

    def cancel(self) -> None:
        """End it at once; returns at once, and may be called when it has ended."""


class Nodes(Protocol):
    """Other computers."""

    @property
    def slots(self) -> int:
        """Trainings that there is room for at a time."""

    @property
    def threads(self) -> int | None:
        """Threads for each; None for as many as there are cores."""

    def begin(self, order: Order, archives: list[bytes]) -> Task:
        """Have a part of a run done where there is room; returns at once."""

    def close(self) -> None:
        """Let go of them."""


@dataclass
class _Trial:
    """A run on its way.

    Attributes:
        told: The stages whose end was told.
        waits: For another run, which trains the very same.
        node: The other computer that is at it, or was.
    """

    job: RunJob
    stopped: threading.Event = field(default_factory=threading.Event)
    worker: Worker | None = None
    told: set[str] = field(default_factory=set)
    started: str = ""
    has_begun: bool = False
    waits: bool = False
    node: str = ""

    @property
    def trained(self) -> str:
        """Equal for runs that train the same model in the same way."""
        later = {"measure"} if self.job.config.prunes_for_budget else {"quantize", "export", "measure"}
        return sha256_json(self.job.config.model_dump(mode="json", exclude=later))

    @property
    def directory(self) -> Path:
        return projects.runs_directory(Path(self.job.project)) / self.job.run

    def check(self) -> None:
        if self.stopped.is_set():
            raise Cancelled

    def is_news(self, event: AnyEvent) -> bool:
        """Whether an event tells something new: every worker tells of the stages that it takes over, too."""
        if isinstance(event, JobStarted):
            news, self.has_begun = not self.has_begun, True
        elif isinstance(event, StageStarted):
            news, self.started = event.stage not in (self.started, *self.told), event.stage
        elif isinstance(event, StageFinished):
            news = event.stage not in self.told
            self.told.add(event.stage)
        else:
            news = True
        return news


class ClusterExecutor:
    """Runs on other computers and this one.

    Args:
        nodes: The other computers; they are let go of in the end.
        worker: Makes what does a job here.
    """

    def __init__(self, nodes: Nodes, worker: Callable[[RunJob], Worker] = Worker) -> None:
        self._nodes = nodes
        self._make = worker
        self._here = threading.Lock()
        self._images: dict[tuple[str | None, str | None], dict[str, str]] = {}
        self._looking = threading.Lock()
        self._trained: dict[str, threading.Lock] = {}
        self._trials: dict[str, _Trial] = {}
        self._threads: list[threading.Thread] = []
        self._events: queue.SimpleQueue[AnyEvent] = queue.SimpleQueue()

    @property
    def slots(self) -> int:
        """One more than are trained: that which is measured. Those that wait for what another trains take no room."""
        waiting = sum(trial.waits for trial in list(self._trials.values()))
        return self._nodes.slots + 1 + waiting

    def begin(self, job: RunJob) -> None:
        trial = self._trials[job.run] = _Trial(job)
        thread = threading.Thread(target=self._do, args=(trial,), daemon=True, name="pqv-cluster-run")
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()

    def next(self, timeout: float) -> AnyEvent | None:
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(event, Finished):
            self._trials.pop(event.run, None)
        return event

    def stop(self, run: str) -> None:
        if trial := self._trials.get(run):
            trial.stopped.set()
            if worker := trial.worker:
                worker.cancel()

    def cancel(self) -> None:
        for run in list(self._trials):
            self.stop(run)

    def kill(self) -> None:
        self.cancel()
        for trial in list(self._trials.values()):
            if worker := trial.worker:
                worker.kill()

    def close(self) -> None:
        self.kill()
        for thread in self._threads:
            thread.join()
        self._nodes.close()

    # one thread a run ----------------------------------------------------------------------------------------

    def _do(self, trial: _Trial) -> None:
        began = time.monotonic()
        try:
            with self._training(trial):
                end = self._to_and_fro(trial)
        except Cancelled:
            end = Finished(run=trial.job.run, outcome="cancelled")
        except PqvError as error:
            end = Finished(run=trial.job.run, outcome="failed", error=error.info())
        if end.outcome != "succeeded":
            end = runs.conclude(trial.directory, end, seconds=time.monotonic() - began)
        self._events.put(end)

    @contextlib.contextmanager
    def _training(self, trial: _Trial) -> Iterator[None]:
        """Inside, no other run trains the same: it waits, and takes the finished stages over."""
        lock = self._trained.setdefault(trial.trained, threading.Lock())
        try:
            while not lock.acquire(timeout=_WAIT_S):
                trial.waits = True
                trial.check()
        finally:
            trial.waits = False
        try:
            yield
        finally:
            lock.release()

    def _to_and_fro(self, trial: _Trial) -> Finished:
        done_away = ""
        while True:
            end = self._done_here(trial)
            before = str((end.result or {}).get("before", ""))
            if end.outcome != "succeeded" or not before:
                return end
            if before == done_away:  # what came back is not what this computer would have made
                raise ClusterError(
                    "Another computer did a stage from other inputs than this one has.",
                    action="Check that all computers have the same images, and do not change them meanwhile.",
                )
            self._done_away(trial)
            done_away = before

    def _done_here(self, trial: _Trial) -> Finished:
        """What must be done on this computer, when nothing else is being done here; how that ended."""
        while not self._here.acquire(timeout=_WAIT_S):
            trial.check()
        try:
            trial.worker = self._make(trial.job.model_copy(update={"part": "here"}))
            trial.check()
            with trial.worker as worker:
                for event in worker.events():
                    if isinstance(event, Finished):
                        end = event
                    elif trial.is_news(event):
                        self._events.put(event)
            return end
        finally:
            trial.worker = None
            self._here.release()

    def _done_away(self, trial: _Trial) -> None:
        """What follows on another computer; where one is lost, what is missing on the next.

        Raises:
            PqvError: It failed, or several were lost with it.
            Cancelled: The end was asked for.
        """
        with runs.claimed(trial.directory), _at_work(trial.directory):
            for _ in range(_LOST):
                try:
                    return self._sent(trial)
                except NodeLostError as lost:
                    self._say(trial, f"{lost} was lost; what it had not finished is done elsewhere.")
        raise ClusterError(
            f"{_LOST} computers in a row were lost while they did this trial.",
            action="Check that there is enough memory for its training on each of them.",
        )

    def _sent(self, trial: _Trial) -> None:
        history = History(trial.directory / results.HISTORY_FILE)
        ready = stage_folder.finished(trial.directory)
        job = trial.job.model_copy(update={"threads": self._nodes.threads})
        task = self._nodes.begin(*away.order(job, images=self._image_hashes(job), stages=ready))
        trial.node = ""
        try:
            for said, content in self._heard(trial, task):
                self._take(trial, history, said, content)
        except NodeLostError as lost:
            raise NodeLostError(trial.node or "A computer") from lost
        finally:
            task.cancel()

    def _take(self, trial: _Trial, history: History, said: away.Said, content: bytes) -> None:
        """Take in what is said of a part of a run elsewhere."""
        if isinstance(said, Began):
            trial.node = said.node
            self._say(trial, f"Goes on, on {trial.node}.")
        elif isinstance(said, Arrives):
            stage_folder.put(trial.directory, said.stage, content)
        elif isinstance(said, Finished):
            _check_end(said, trial.node)
        elif trial.is_news(said) and (not isinstance(said, Metric) or history.add(said)):
            self._events.put(said)

    def _heard(self, trial: _Trial, task: Task) -> Iterator[tuple[away.Said, bytes]]:
        """What a task says, to its end, or until the end is asked for."""
        remind_at: float | None = time.monotonic() + _PATIENCE_S
        said: away.Said | None = None
        while not isinstance(said, Finished):
            trial.check()
            sent = task.next(_WAIT_S)
            if sent is not None:
                remind_at, said = None, away.read(sent[0])
                yield said, sent[1]
            elif remind_at is not None and time.monotonic() >= remind_at:
                remind_at = None
                self._say(trial, "Waiting for room on a computer of the cluster.")

    def _image_hashes(self, job: RunJob) -> dict[str, str]:
        """Of the study's images, looked up once."""
        key = (job.config.data.train, job.config.data.val)
        with self._looking:
            if key not in self._images:
                self._images[key] = away.image_hashes(job)
            return self._images[key]

    def _say(self, trial: _Trial, text: str) -> None:
        self._events.put(Log(run=trial.job.run, text=text))


@contextlib.contextmanager
def _at_work(directory: Path) -> Iterator[None]:
    """Count the time inside as time at which the run was at work."""
    began = time.monotonic()
    yield
    record = results.as_written(directory)
    *before, last = record.spans or (0.0,)
    results.save(directory, record.model_copy(update={"spans": (*before, round(last + time.monotonic() - began, 3))}))


def _check_end(end: Finished, node: str) -> None:
    """Raise what another computer failed with; that it has stopped before a stage of this one is no failure."""
    if end.outcome == "succeeded":
        return
    error = end.error or ErrorInfo(kind="WorkerError", message="Its work was ended there.")
    raise ToldError(error, message=f"On {node}: {error.message}")
