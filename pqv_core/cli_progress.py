"""What a person sees on the terminal while a job runs: a live line there, plain lines in a file."""

from __future__ import annotations

import sys
from bisect import insort
from collections.abc import Callable
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

from pqv_core import events, formatting, labels

_SHOWN_METRICS = {"sparse_loss": "loss", "train_loss": "loss", "val_loss": "val. loss", "val_top1": "top-1"}


class View(Protocol):
    """Shows the events of one job."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: events.AnyEvent) -> None:
        """Take one event in."""


class Figures:
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
        for role, samples in list(self._samples.items()):  # drawn by another thread than fills it
            name = labels.role(role) if role in labels.ROLES else role.rpartition("/")[2]
            parts.append(f"{name} {formatting.nanoseconds(samples[len(samples) // 2])}")
        return " · ".join(parts)


def finished_stage(event: events.StageFinished) -> str:
    """A stage that is complete, in one line."""
    how = "taken over" if event.cached else formatting.duration(event.seconds)
    return f"{labels.stage(event.stage)}: {how}"


class PlainView:
    """One line for each stage, epoch and message; for files and pipes.

    Args:
        write: Takes a line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._figures = Figures()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: events.AnyEvent) -> None:
        """Take one event in."""
        self._figures.take(event)
        if isinstance(event, events.StageStarted):
            self._figures.clear()
            self._write(f"[{event.index + 1}/{event.total}] {labels.stage(event.stage)} …")
        elif isinstance(event, events.StageFinished):
            figures = self._figures.text()
            self._write(f"      {finished_stage(event)}{f' ({figures})' if figures else ''}")
        elif isinstance(event, events.Metric) and event.name == "val_top1":
            epoch = f"epoch {formatting.significant(event.epoch)}: " if event.epoch is not None else ""
            self._write(f"      {epoch}{self._figures.text()}")
        elif isinstance(event, events.Log):
            prefix = "" if event.level == "info" else f"{event.level.capitalize()}: "
            self._write(f"      {prefix}{event.text}")


class _FiguresColumn(ProgressColumn):
    def __init__(self, figures: Figures) -> None:
        super().__init__()
        self._figures = figures

    def render(self, task: Task) -> Text:
        return Text(self._figures.text(), style="cyan")


class LiveView:
    """A line that moves: stage, bar, time left and the latest figures; what is complete scrolls away above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._figures = Figures()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[left]}", markup=False),
            _FiguresColumn(self._figures),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._in_stages = False

    def __enter__(self) -> Self:
        self._bar.start()
        self._task = self._bar.add_task("Start", total=None, left="")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: events.AnyEvent) -> None:
        """Take one event in."""
        assert self._task is not None
        self._figures.take(event)
        if isinstance(event, events.StageStarted):
            self._figures.clear()
            self._in_stages = True
            name = f"[{event.index + 1}/{event.total}] {labels.stage(event.stage)}"
            self._bar.reset(self._task, description=name, total=None, left="")
        elif isinstance(event, events.Progress):
            left = formatting.time_left(event.seconds_left) if event.seconds_left is not None else ""
            self._bar.update(self._task, completed=event.done, total=event.total or None, left=left)
            if not self._in_stages:  # a job of one piece
                self._bar.update(self._task, description=labels.stage(event.stage))
        elif isinstance(event, events.StageFinished):
            self._line(f"✓ {finished_stage(event)}", note=self._figures.text())
        elif isinstance(event, events.Log):
            style = {"info": "dim", "warning": "yellow", "error": "red"}[event.level]
            self._console.print(Text(f"  {event.text}", style=style))

    def _line(self, text: str, *, note: str) -> None:
        self._console.print(Text(text), Text(note, style="cyan"))


def view() -> LiveView | PlainView:
    """The view for this terminal. It writes to standard error: standard output is for results."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        return LiveView(console)
    return PlainView(lambda line: print(line, file=sys.stderr, flush=True))
