"""What the Run page shows: the events of a run, turned into state."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pqv_core import formatting, labels
from pqv_core.errors import ErrorInfo
from pqv_core.process import events
from pqv_core.project import history
from pqv_core.project.plan import START, Planned
from pqv_core.project.run_progress import RunProgress
from pqv_core.results import record as results
from pqv_core.results import select
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.results.series import Curve, LatencySeries

State = Literal[
    "empty",
    "starting",
    "running",
    "cancelling",
    "succeeded",
    "failed",
    "cancelled",
    "interrupted",
    "elsewhere",
    "unknown",
]
_STORED: dict[str, State] = {
    "running": "elsewhere",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
LOG_LINES = 5_000
BAR_LENGTH = 1000
"""What the bar of a run has reached when the run is complete."""


@dataclass(frozen=True)
class StageRow:
    """One stage as it is listed."""

    name: str
    state: str = "waiting"
    seconds: float | None = None
    cached: bool = False


@dataclass(frozen=True)
class LogLine:
    """One line of the log; ``number`` counts from 0 over the whole run, ``time`` is when it came."""

    number: int
    level: events.Level
    text: str
    time: str = ""


@dataclass
class Dirty:
    """Which parts have changed since the page last looked."""

    stages: bool = True
    log: bool = True


@dataclass
class _Figures:
    """Everything of one run; replaced as a whole when the next one starts."""

    run: str = ""
    directory: Path | None = None
    stages: list[StageRow] = field(default_factory=list)
    progress: events.Progress | None = None
    whole: RunProgress | None = None
    curves: dict[str, Curve] = field(default_factory=dict)
    latency: dict[str, LatencySeries] = field(default_factory=dict)
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    logged: int = 0
    artifacts: dict[str, events.Artifact] = field(default_factory=dict)
    error: ErrorInfo | None = None
    failed_stage: str = ""
    record: results.RunRecord | None = None
    begun: float = field(default_factory=time.monotonic)
    seconds: float | None = None


class RunView(Observable):
    """The run that is going, or the last one. Events of any other run are dropped.

    Args:
        clock: Seconds on a clock that never goes back, by which progress is reckoned.
        now: The time of the day, for the log.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        super().__init__()
        self._clock, self._now = clock, now
        self.state: State = "empty"
        self.now = _Figures()
        self.dirty = Dirty()
        self._handlers: dict[type[events.Event], Callable[..., None]] = {
            events.JobStarted: self._job_started,
            events.StageStarted: self._stage_started,
            events.StageFinished: self._stage_finished,
            events.Progress: self._progress,
            events.Metric: self._metric,
            events.LatencySample: self._latency,
            events.Log: self._log,
            events.Artifact: self._artifact,
            events.Finished: self._finished,
        }

    @property
    def active(self) -> bool:
        """Whether a run is going."""
        return self.state in ("starting", "running", "cancelling")

    @property
    def can_resume(self) -> bool:
        """Whether the last run ended early, so that the next goes on with it."""
        return self.state in ("failed", "cancelled", "interrupted")

    def reset(self) -> None:
        """Show nothing."""
        self._replace(_Figures(), "empty")

    def begin(self, run: str, planned: Sequence[Planned] = ()) -> None:
        """A run has been asked for; the worker has not answered yet.

        Args:
            planned: What it will do.
        """
        figures = _Figures(run=run, whole=RunProgress(planned, clock=self._clock))
        figures.stages = [StageRow(item.name) for item in planned if item.name != START]
        self._replace(figures, "starting")

    def tick(self) -> None:
        """Time has passed, whether or not the worker has said anything."""
        if self.active and self.now.whole is not None:
            self.now.whole.tick()
            self.notify()

    def cancelling(self) -> None:
        """The person has asked for the end."""
        if self.active:
            self.state = "cancelling"
            self.notify()

    def stopped_early(self) -> None:
        """The end was asked for before the worker was started."""
        self.state = "cancelled"
        self.notify()

    def show(self, record: results.RunRecord, history: Iterable[events.Metric], directory: Path) -> None:
        """Show a run that was read from its folder."""
        figures = _Figures(run=record.id, directory=directory, record=record, error=record.error)
        figures.stages = [
            StageRow(stage.name, stage.state, stage.seconds or None, stage.cached)
            for stage in record.stages
            if stage.state != "skipped"
        ]
        self._replace(figures, _STORED.get(record.state, "unknown"))
        for metric in history:
            self._metric(metric)
        self._take_samples(record)
        self.notify()

    def attach(self, record: results.RunRecord) -> None:
        """Add what the finished run wrote down."""
        if record.id == self.now.run:
            self.now.record = record
            self.notify()

    def _replace(self, figures: _Figures, state: State) -> None:
        self.now, self.state, self.dirty = figures, state, Dirty()
        self.notify()

    def _take_samples(self, record: results.RunRecord) -> None:
        for role, item in select.shown(record).items():
            series = self.now.latency[role] = LatencySeries()
            for index, ns in enumerate(item.samples_ns):
                series.add(index, ns)

    # events --------------------------------------------------------------------------------------------------

    def apply(self, batch: Iterable[events.Event]) -> None:
        """Take a batch of events in, then tell the subscribers once."""
        taken = False
        for event in batch:
            if event.run == self.now.run and self.active:
                if self.now.whole is not None:
                    self.now.whole.take(event)
                self._handlers[type(event)](event)
                taken = True
        if taken:
            self.notify()

    def _job_started(self, event: events.JobStarted) -> None:
        if self.state == "starting":
            self.state = "running"
        self.now.directory = Path(event.directory) if event.directory else None
        self.now.stages = [StageRow(name) for name in event.stages]
        self.now.progress = None
        self.dirty.stages = True

    def _stage_started(self, event: events.StageStarted) -> None:
        self._set_stage(event.stage, "running")
        self._add_line("info", f"{labels.doing(event.stage)} …")
        self.now.progress = None
        if event.stage == "benchmark":
            self.now.latency.clear()

    def _stage_finished(self, event: events.StageFinished) -> None:
        self._set_stage(event.stage, "done", seconds=event.seconds, cached=event.cached)
        self._add_line("info", labels.finished(event))
        self.now.progress = None

    def _set_stage(self, name: str, state: str, *, seconds: float | None = None, cached: bool = False) -> None:
        row = StageRow(name, state, seconds, cached)
        names = [stage.name for stage in self.now.stages]
        if name in names:
            self.now.stages[names.index(name)] = row
        else:
            self.now.stages.append(row)
        self.dirty.stages = True

    def _progress(self, event: events.Progress) -> None:
        self.now.progress = event

    def _metric(self, event: events.Metric) -> None:
        curve = self.now.curves.setdefault(event.name, Curve())
        curve.add(event.step if event.epoch is None else event.epoch, event.value)

    def _latency(self, event: events.LatencySample) -> None:
        self.now.latency.setdefault(event.role, LatencySeries()).add(event.index, event.ns)

    def _log(self, event: events.Log) -> None:
        self._add_line(event.level, event.text)

    def _add_line(self, level: events.Level, text: str) -> None:
        self.now.log.append(LogLine(self.now.logged, level, text, formatting.clock(self._now())))
        self.now.logged += 1
        self.dirty.log = True

    def _artifact(self, event: events.Artifact) -> None:
        self.now.artifacts[event.role] = event

    def _finished(self, event: events.Finished) -> None:
        self.state = event.outcome
        self.now.error = event.error
        self.now.seconds = time.monotonic() - self.now.begun
        self.now.progress = None
        running = next((row.name for row in self.now.stages if row.state == "running"), "")
        self.now.failed_stage = event.stage or running
        if running and event.outcome != "succeeded":
            self._set_stage(running, event.outcome)
        self._add_line(*_last_line(event, self.now.failed_stage))
        self.dirty.stages = True

    @property
    def spans(self) -> tuple[float, ...]:
        """Seconds that the run was at work, for each time it was begun; empty where that is not known."""
        record = self.now.record
        if record is not None and record.state != "interrupted":  # how long that one lived on is not known
            return record.spans
        return (self.now.seconds,) if record is None and self.now.seconds is not None else ()

    # for the page --------------------------------------------------------------------------------------------

    @property
    def stage_position(self) -> tuple[int, int]:
        """Which stage is running or was the last, counted from 1, and how many there are."""
        states = [row.state for row in self.now.stages]
        return sum(state != "waiting" for state in states), len(states)

    @property
    def activity(self) -> tuple[str, str]:
        """What goes on, in the present tense, and how far that is: ``Verifying``, ``image 209 of 355``."""
        at = self.now.progress
        if at is None:
            part = "python" if self.state == "starting" else "next"
            return labels.doing(self.running_stage) if self.running_stage else labels.PARTS[part], ""
        return labels.doing(at.stage, at.part, at.unit), labels.counted(at.done, at.total, at.unit)

    @property
    def position(self) -> str:
        """``stage 3 of 11 · 4 min left``, of the whole run; empty where no stage is known."""
        at, total = self.stage_position
        left = self.now.whole.seconds_left if self.now.whole is not None else None
        words = [f"stage {at} of {total}"] if at else [formatting.counted(total, "stage")] if total else []
        return " · ".join([*words, formatting.time_left(left)] if left is not None else words)

    @property
    def running_stage(self) -> str:
        """Name of the stage that is running; empty where there is none."""
        return next((row.name for row in self.now.stages if row.state == "running"), "")

    def log_since(self, number: int) -> list[LogLine]:
        """The lines of the log from ``number`` on that are still kept."""
        first = self.now.logged - len(self.now.log)
        skip = max(0, number - first)
        return list(self.now.log)[skip:]


def _last_line(event: events.Finished, stage: str) -> tuple[events.Level, str]:
    """How a run ended, for its log."""
    if event.outcome == "succeeded":
        return "info", "The run is complete."
    at = f", at “{labels.stage(stage)}”" if stage else ""
    if event.outcome == "cancelled":
        return "info", f"The run was stopped{at}."
    return "error", f"The run failed{at}: {event.error.message if event.error else 'it does not say why.'}"


@dataclass(frozen=True)
class StoredRunView:
    """A run as its folder holds it."""

    record: results.RunRecord
    metrics: list[events.Metric]
    directory: Path


def read_newest(folder: Path) -> StoredRunView | None:
    """The newest readable run in a ``.runs`` folder; None where there is none."""
    found, _ = results.load_folders(folder)
    return _stored(*found[-1]) if found else None


def read(directory: Path) -> StoredRunView | None:
    """The run that a folder holds; None where it holds none.

    Raises:
        ProjectError: It cannot be read.
    """
    return _stored(directory, results.load(directory)) if (directory / results.RUN_FILE).exists() else None


def _stored(directory: Path, record: results.RunRecord) -> StoredRunView:
    """The run with its curves."""
    metrics = [
        metric.model_copy(update={"run": record.id}) for metric in history.read(directory / results.HISTORY_FILE)
    ]
    return StoredRunView(record, metrics, directory)


def bar_length(run: RunView) -> int:
    """How far a run is, of ``BAR_LENGTH``."""
    return int(BAR_LENGTH * run.now.whole.fraction) if run.now.whole is not None else 0
