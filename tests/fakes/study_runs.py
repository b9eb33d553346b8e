"""Runs of a study without a worker: an executor that writes at once what a run would have found."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from pqv_core.config import RunConfig
from pqv_core.errors import ErrorInfo
from pqv_core.process.events import AnyEvent, Finished, JobStarted, Metric
from pqv_core.process.job import RunJob
from pqv_core.project import project_file as projects
from pqv_core.project.history import History
from pqv_core.results import record as results
from pqv_core.results.record import HISTORY_FILE, Accuracy
from tests.fakes import records

Curve = Callable[[RunConfig], tuple[float, ...]]


def _right(config: RunConfig) -> tuple[float, ...]:
    """The more is cut, the less is right, the same in each epoch."""
    return (1 - config.prune.ratio,) * config.finetune.epochs


class RunsAtOnce:
    """Every run ends while it is begun: 100 ms less what is cut in percent, and right as its curve ends.

    Args:
        curve: Accuracy by epoch.
        fails: The error of a run with these settings, where it fails.
        slots: How many trials are asked for before the first is told of.
    """

    def __init__(
        self,
        *,
        curve: Curve = _right,
        fails: Callable[[RunConfig], ErrorInfo | None] = lambda config: None,
        slots: int = 1,
    ) -> None:
        self.slots = slots
        self.begun: list[RunJob] = []
        self.stopped: set[str] = set()
        self.cancelled = self.closed = False
        self.after: Callable[[], None] = lambda: None
        self._curve, self._fails = curve, fails
        self._events: deque[AnyEvent] = deque()
        self._waiting: dict[str, RunJob] = {}

    def begin(self, job: RunJob) -> None:
        self.begun.append(job)
        self._waiting[job.run] = job
        self._directory(job).mkdir(parents=True, exist_ok=True)
        self._events.append(JobStarted(run=job.run, directory=str(self._directory(job))))
        history = History(self._directory(job) / HISTORY_FILE)
        for epoch, top1 in enumerate(self._curve(job.config), start=1):
            metric = Metric(run=job.run, name="val_top1", step=epoch, value=top1, epoch=float(epoch))
            history.add(metric)
            self._events.append(metric)

    def next(self, timeout: float) -> AnyEvent | None:
        self.after()
        if self._events:
            return self._events.popleft()
        run, job = next(iter(self._waiting.items()))
        del self._waiting[run]
        return self._ended(job)

    def _ended(self, job: RunJob) -> Finished:
        if self.cancelled or job.run in self.stopped:
            self._write(job, "cancelled")
            return Finished(run=job.run, outcome="cancelled")
        if error := self._fails(job.config):
            self._write(job, "failed")
            return Finished(run=job.run, outcome="failed", error=error)
        self._write(job, "succeeded")
        return Finished(run=job.run, outcome="succeeded")

    def _write(self, job: RunJob, state: str) -> None:
        config = job.config
        top1 = (self._curve(config) or (0.5,))[-1]
        whole = 100 - round(100 * config.prune.ratio)
        result = records.variant("compressed", measured=records.measurement(whole), size_mb=whole, top1=top1)
        record = records.record(job.run).model_copy(
            update={
                "config": config.model_dump(mode="json"),
                "state": state,
                "number": len(self.begun),
                "spans": (10.0,),
                "variants": (result,),
                "dense_accuracy": Accuracy(top1=1.0, top5=1.0, loss=0.1, images=100),
            }
        )
        results.save(self._directory(job), record)

    def _directory(self, job: RunJob) -> Path:
        return projects.runs_directory(Path(job.project)) / job.run

    def stop(self, run: str) -> None:
        self.stopped.add(run)

    def cancel(self) -> None:
        self.cancelled = True

    def kill(self) -> None:
        self.cancelled = True

    def close(self) -> None:
        self.closed = True
