"""What a person sees on the terminal while a job runs: a live line there, plain lines in a file."""

from __future__ import annotations

import sys
import threading
from bisect import insort
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from pqv_core import formatting, labels
from pqv_core.process import events
from pqv_core.project.plan import START, Planned
from pqv_core.project.run_progress import RunProgress
from pqv_core.results import artifacts

_LOSSES = ("sparse_loss", "between_loss", "train_loss")
_SHOWN_METRICS = {**dict.fromkeys(_LOSSES, "loss"), "val_loss": "val. loss", "val_top1": "top-1"}


class View(Protocol):
    """Shows the events of one job."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: events.AnyEvent) -> None:
        """Take one event in."""


class LiveFigures:
    """The figures that change while a stage is at work, in one line."""

    def __init__(self) -> None:
        self._metrics: dict[str, float] = {}
        self._samples: dict[str, list[int]] = {}

    def clear(self) -> None:
        """A new stage begins."""
        self._metrics, self._samples = {}, {}

    def take(self, event: events.AnyEvent) -> None:
        """Take one event in."""
        if isinstance(event, events.Metric):
            self._metrics[event.name] = event.value
        elif isinstance(event, events.LatencySample):
            insort(self._samples.setdefault(event.role, []), event.ns)

    def text(self) -> str:
        """Losses and accuracies while training, running medians while measuring."""
        parts = []
        for name, label in _SHOWN_METRICS.items():
            if name in self._metrics:
                value = self._metrics[name]
                words = formatting.percent(value) if name.endswith("top1") else formatting.significant(value)
                parts.append(f"{label} {words}")
        for key, samples in list(self._samples.items()):  # drawn by another thread than fills it
            name = artifacts.label(key) if artifacts.is_known(key) else key.rpartition("/")[2]
            parts.append(f"{name} {formatting.nanoseconds(samples[len(samples) // 2])}")
        return " · ".join(parts)


def started_stage(event: events.StageStarted) -> str:
    """A stage that begins: ``[3/9] Fine-tuning``."""
    return f"[{event.index + 1}/{event.total}] {labels.doing(event.stage)}"


def _now() -> str:
    return formatting.clock(datetime.now().astimezone())


class PlainView:
    """One line with the time for each stage, epoch and message; for files and pipes.

    Args:
        write: Takes a line.
        now: The time as it is written.
    """

    def __init__(self, write: Callable[[str], None], *, now: Callable[[], str] = _now) -> None:
        self._take, self._now = write, now
        self._figures = LiveFigures()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def _write(self, line: str) -> None:
        self._take(f"{self._now()} {line}")

    def show(self, event: events.AnyEvent) -> None:
        """Take one event in."""
        self._figures.take(event)
        if isinstance(event, events.StageStarted):
            self._figures.clear()
            self._write(f"{started_stage(event)} …")
        elif isinstance(event, events.StageFinished):
            figures = self._figures.text()
            more = figures if figures and not event.said else ""
            self._write(f"      {labels.finished(event)}{f' ({more})' if more else ''}")
        elif isinstance(event, events.Metric) and event.name == "val_top1":
            epoch = f"epoch {formatting.significant(event.epoch)}: " if event.epoch is not None else ""
            self._write(f"      {epoch}{self._figures.text()}")
        elif isinstance(event, events.Log):
            prefix = "" if event.level == "info" else f"{event.level.capitalize()}: "
            self._write(f"      {prefix}{event.text}")


class _FiguresColumn(ProgressColumn):
    def __init__(self, figures: LiveFigures) -> None:
        super().__init__()
        self._figures = figures

    def render(self, task: Task) -> Text:
        return Text(self._figures.text(), style="cyan")


class _LeftColumn(ProgressColumn):
    """How long the whole will take still."""

    def __init__(self, left: Callable[[], str]) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        return Text(self._left())


class LiveView:
    """A line that moves: what is done, bar, time left and the latest figures; what is complete scrolls away above it.

    Args:
        planned: What a run will do: bar and time left are then those of the whole run, else those of the stage.
    """

    def __init__(self, console: Console, planned: Sequence[Planned] = ()) -> None:
        self._console = console
        self._figures = LiveFigures()
        self._run = RunProgress(planned) if planned else None
        self._lock = threading.Lock()  # events come from one thread, and another draws
        self._stage_left = ""
        self._place = ""
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _LeftColumn(self._left),
            _FiguresColumn(self._figures),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        self._task = self._bar.add_task(labels.doing(START), total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: events.AnyEvent) -> None:
        """Take one event in."""
        assert self._task is not None
        self._figures.take(event)
        if self._run is not None:
            with self._lock:
                self._run.take(event)
        if isinstance(event, events.StageStarted):
            self._figures.clear()
            self._place, self._stage_left = f"[{event.index + 1}/{event.total}] ", ""
            self._bar.update(self._task, description=started_stage(event))
            if self._run is None:
                self._bar.reset(self._task, total=None)
        elif isinstance(event, events.Progress):
            self._bar.update(self._task, description=f"{self._place}{labels.activity(event)}")
            if self._run is None:
                self._stage_left = formatting.time_left(event.seconds_left) if event.seconds_left is not None else ""
                self._bar.update(self._task, completed=event.done, total=event.total or None)
        elif isinstance(event, events.StageFinished):
            self._line(f"✓ {labels.finished(event)}", note="" if event.said else self._figures.text())
        elif isinstance(event, events.Log):
            style = {"info": "dim", "warning": "yellow", "error": "red"}[event.level]
            self._console.print(Text(f"  {event.text}", style=style))

    def _left(self) -> str:
        """Drawn several times a second: the bar of a run moves between its events, too."""
        run = self._run
        if run is None:
            return self._stage_left
        with self._lock:
            run.tick()
        if self._task is not None:
            self._bar.update(self._task, completed=run.fraction, total=1.0)
        return formatting.time_left(run.seconds_left) if run.seconds_left is not None else ""

    def _line(self, text: str, *, note: str) -> None:
        self._console.print(Text(text), Text(note, style="cyan"))


def view(planned: Sequence[Planned] = ()) -> LiveView | PlainView:
    """The view for this terminal. It writes to standard error: standard output is for results.

    Args:
        planned: As for ``LiveView``.
    """
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        return LiveView(console, planned)
    return PlainView(lambda line: print(line, file=sys.stderr, flush=True))
