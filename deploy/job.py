"""What work on a phone may use of the job it belongs to: say things, and notice its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pqv_core.errors import Cancelled
from pqv_core.process.events import Event, LatencySample, Level, Log, Metric, Progress, StageFinished, StageStarted

STAGES = ("check", "push", "cool", "measure", "compare")
_REPORT_S = 0.05


def _nobody(_: Event) -> None:
    """Takes the events of work that nobody watches."""


@dataclass
class Job:
    """Passed to every long piece of work on a phone.

    Attributes:
        run: Id that all events carry.
        send: Takes an event; may be called often, from the thread that works.
        cancelled: Set once the person has asked for the end.
        clock: Seconds on a clock that never goes back.
        wait: Waits so many seconds, or less when ``cancelled`` is set.
    """

    run: str = ""
    send: Callable[[Event], None] = _nobody
    cancelled: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] | None = None
    stage: str = ""
    _began: float = 0.0
    _reported: float = float("-inf")

    def check(self) -> None:
        """Raise ``Cancelled`` once the end was asked for."""
        if self.cancelled.is_set():
            raise Cancelled

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self.leave()
        self.stage, self._began, self._reported = stage, self.clock(), float("-inf")
        self.send(StageStarted(run=self.run, stage=stage, index=STAGES.index(stage), total=len(STAGES)))

    def leave(self) -> None:
        """The running stage is complete."""
        if self.stage:
            self.send(StageFinished(run=self.run, stage=self.stage, seconds=max(0.0, self.clock() - self._began)))
            self.stage = ""

    def pause(self, seconds: float) -> None:
        """Let time pass; ends early, with ``Cancelled``, when the end is asked for."""
        (self.wait or self.cancelled.wait)(seconds)
        self.check()

    def log(self, text: str, *, level: Level = "info") -> None:
        """Say a line to the person."""
        self.send(Log(run=self.run, level=level, text=text))

    def progress(self, done: int, total: int, *, unit: str = "") -> None:
        """Report work done in this stage, at most 20 times a second; also a point at which the job can end."""
        self.check()
        now = self.clock()
        if done < total and now - self._reported < _REPORT_S:
            return
        self._reported = now
        left = (now - self._began) / done * (total - done) if done else None
        self.send(Progress(run=self.run, stage=self.stage, done=done, total=total, unit=unit, seconds_left=left))

    def sample(self, role: str, index: int, ns: int, target: str) -> None:
        """Report one timed inference."""
        self.send(LatencySample(run=self.run, role=role, index=index, ns=ns, target=target))

    def metric(self, name: str, step: int, value: float) -> None:
        """Report a figure that changes while the work goes on, such as the phone's temperature."""
        self.send(Metric(run=self.run, name=name, step=step, value=value))
