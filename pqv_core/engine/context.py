"""What an engine function may use of the job that it works for: say things, and notice its end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pqv_core.errors import Cancelled
from pqv_core.process.events import Event, Level, Log, Metric, Progress

if TYPE_CHECKING:
    from pqv_core.engine.data.readers import Readers


@dataclass
class Context:
    """Passed to every long-running engine function, which starts no thread of its own.

    Attributes:
        run: Id that all events carry.
        send: Takes an event; may be called often.
        cancelled: Set once the person has asked for the end.
        title: What the job does, for others on this computer: the project and run, or the files.
        stage: Name of the stage at work.
        warnings: What the person should know about the result; kept in ``run.json``.
        readers: Processes that read images ahead; without them each image is read when its turn comes.
        begun: When the job was taken, as the monotonic clock had it.
    """

    run: str
    send: Callable[[Event], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    title: str = ""
    stage: str = ""
    warnings: list[str] = field(default_factory=list)
    readers: Readers | None = None
    begun: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.monotonic)
    _part: str = ""
    _span: tuple[float, float] = (0.0, 1.0)

    def enter(self, stage: str) -> None:
        """A new stage begins: progress is counted from here."""
        self.stage = stage
        self._began = time.monotonic()

    @property
    def current_part(self) -> str:
        """The part of the stage that is at work; empty where the stage has none."""
        return self._part

    @contextlib.contextmanager
    def part(self, name: str, start: float = 0.0, end: float = 1.0) -> Iterator[None]:
        """While inside, progress is that of a part of the stage, or of the part around it.

        Args:
            name: A key of ``labels.PARTS``.
            start: Share of the stage that comes before, about.
            end: Share that is done at its end.
        """
        around, (low, high) = self._part, self._span
        self._part = name
        self._span = low + start * (high - low), low + end * (high - low)
        self._began = time.monotonic()
        self.progress(0, 0)
        try:
            yield
        finally:
            self._part, self._span = around, (low, high)

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` once the end was asked for. Called at least every few hundred milliseconds."""
        if self.cancelled.is_set():
            raise Cancelled

    def log(self, text: str, *, level: Level = "info") -> None:
        """Say a line to the person."""
        self.send(Log(run=self.run, level=level, text=text))

    def warn(self, text: str) -> None:
        """Say a line that is also kept with the result."""
        if text not in self.warnings:
            self.warnings.append(text)
            self.log(text, level="warning")

    def progress(self, done: int, total: int, *, unit: str = "", start: int = 0, share: float | None = None) -> None:
        """Report work done in this stage, or in its part; also a point at which the job can end.

        Args:
            done: Work done, of ``total``; 0 of 0 where nothing can be counted.
            share: Of the work that is done, where it may be over before ``total``.
            start: How much of it was done already when the stage began, taken over from an earlier time.
        """
        self.check_cancelled()
        spent = time.monotonic() - self._began
        left = spent / (done - start) * (total - done) if done > start else None
        low, high = self._span
        within = share if share is not None else done / total if total > 0 else 0.0
        self.send(
            Progress(
                run=self.run,
                stage=self.stage,
                done=done,
                total=total,
                unit=unit,
                part=self._part,
                share=low + (high - low) * min(within, 1.0),
                seconds_left=left,
            )
        )

    def metric(self, name: str, *, step: int, value: float, epoch: float | None = None) -> None:
        """Report one point of a curve. ``value`` must be finite."""
        self.send(Metric(run=self.run, name=name, step=step, value=value, epoch=epoch))
