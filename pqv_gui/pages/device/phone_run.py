"""What goes on while files are measured on phones and on this computer: events, turned into state."""

from __future__ import annotations

import statistics
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pqv_core import formatting, labels
from pqv_core.errors import ErrorInfo
from pqv_core.process import events
from pqv_core.project.plan import START
from pqv_core.report import caption
from pqv_core.results import artifacts
from pqv_core.results.record import LOCAL, OperatorTime
from pqv_gui.pages.device.phone_files import File
from pqv_gui.pages.device.phone_list import HEAT
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.results.measurement_rows import Measured
from pqv_gui.viewmodels.results.series import Curve, LatencySeries

TargetState = Literal["waiting", "running", "succeeded", "failed", "cancelled"]
State = Literal["empty", "running", "cancelling", "succeeded", "failed", "cancelled"]
P90_WINDOW = 100
"""Inferences over which the running p90 is taken."""


class RunningP90:
    """Nearest-rank 90th percentile of the last ``P90_WINDOW`` values."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, value: float) -> float:
        """Take a value in and return the percentile of the window."""
        self._recent.append(value)
        insort(self._sorted, value)
        if len(self._recent) > P90_WINDOW:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        return self._sorted[-(-9 * len(self._sorted) // 10) - 1]


class LiveSeries(LatencySeries):
    """One file on one target with one number of threads.

    Args:
        colour: Number of its colour.
    """

    def __init__(self, name: str, colour: int) -> None:
        super().__init__()
        self.name, self.colour = name, colour
        self.p90 = Curve()
        self._running = RunningP90()

    def add(self, index: int, ns: int) -> None:
        """Append one inference."""
        super().add(index, ns)
        self.p90.add(index, self._running.add(ns / 1e6))


@dataclass
class RunningTarget:
    """One phone, or this computer, and how far it is.

    Attributes:
        id: Carried by all of its events.
        threads: Numbers of threads, each measured in turn for each file; None for what the computer chooses.
        heat: What the phone told last: ``celsius``, ``thermal_status``, ``clock`` (a share), ``watt``.
        failures: Files that could not be measured, with the reason.
    """

    id: str
    key: str
    name: str
    files: tuple[File, ...]
    threads: tuple[int | None, ...] = (None,)
    state: TargetState = "waiting"
    stage: str = ""
    progress: events.Progress | None = None
    file: int = -1
    sweep: int = -1
    note: str = ""
    heat: dict[str, float] = field(default_factory=dict)
    error: ErrorInfo | None = None
    failures: list[tuple[File, ErrorInfo]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether there is still something to come."""
        return self.state in ("waiting", "running")

    @property
    def words(self) -> str:
        """What it does now, how far it is, how fast and how warm, in one line."""
        if self.state == "waiting":
            return self._preparation if self.key != LOCAL else "waiting for phones"
        if not self.active:
            return self._end
        at = self.progress
        doing = labels.doing(at.stage, at.part) if at is not None else labels.doing(self.stage or START)
        parts = (doing, self._position, *_speed(at), self.warmth, self.note)
        return " · ".join(part for part in parts if part)

    @property
    def short(self) -> str:
        """Name, stage and temperature: ``Pixel 7 · push · 31 °C``."""
        celsius = f"{self.heat['celsius']:.0f} °C" if "celsius" in self.heat else ""
        words = labels.doing(self.stage or "measure").lower()
        return " · ".join(part for part in (self.name, words, celsius) if part)

    @property
    def _preparation(self) -> str:
        """What this computer does before the phone is asked the same."""
        at = self.progress
        if at is not None and at.stage == "answer" and not at.part:
            return labels.activity(at)
        return f"Computing reference outputs · {labels.activity(at) if at is not None else labels.PARTS['python']}"

    @property
    def _end(self) -> str:
        if self.state == "succeeded" and not self.failures:
            return "complete"
        if self.error is not None:
            return f"{self.error.message} {self.error.action}".strip()
        said = "; ".join(f"{file.name}: {error.message}" for file, error in self.failures)
        return said or "stopped; nothing left on the phone"

    @property
    def _position(self) -> str:
        if len(self.files) < 2 or not 0 <= self.file < len(self.files):
            return ""
        if self.stage == "measure":
            return f"{len(self.files)} files alternating"
        if self.stage not in ("check", "push"):
            return ""
        return f"file {self.file + 1} of {len(self.files)}"

    @property
    def warmth(self) -> str:
        """Temperature, throttling, clock and power, as far as the phone tells."""
        told = self.heat
        parts = [f"{told['celsius']:.0f} °C" if "celsius" in told else ""]
        if "thermal_status" in told:
            parts.append(HEAT[min(int(told["thermal_status"]), len(HEAT) - 1)])
        if told.get("clock", 1.0) < 1.0:
            parts.append(f"clock at {formatting.percent(told['clock'])}")
        if "watt" in told:
            parts.append(f"{formatting.significant(told['watt'])} W")
        return " · ".join(part for part in parts if part)


def _speed(progress: events.Progress | None) -> list[str]:
    if progress is None or progress.total <= 0:
        return []
    left, counted = progress.seconds_left, labels.counted(progress.done, progress.total, progress.unit)
    time_left = [] if left is None or progress.done >= progress.total else [formatting.time_left(left)]
    if progress.unit != "bytes":
        return [counted, *time_left]
    speed = [f"{formatting.size((progress.total - progress.done) / left)}/s"] if left else []
    return [counted, *speed, *time_left]


@dataclass(frozen=True)
class Profile:
    """The operators of one file on one target."""

    target: str
    file: str
    operators: tuple[OperatorTime, ...]

    @property
    def title(self) -> str:
        """What it is called in a list."""
        return f"{self.target}, {self.file}"


class PhoneRun(Observable):
    """The measuring that is going, or the last one. Events that belong to another are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.began = datetime.now()
        self.cancelling = False
        self.targets: dict[str, RunningTarget] = {}
        self.series: dict[str, LiveSeries] = {}
        self.measured: list[Measured] = []
        self.profiles: list[Profile] = []
        self._handlers: dict[type[events.Event], Callable[..., None]] = {
            events.StageStarted: self._stage_started,
            events.StageFinished: self._stage_finished,
            events.Progress: self._progress,
            events.LatencySample: self._latency,
            events.Metric: self._metric,
            events.Log: self._log,
        }

    @property
    def active(self) -> bool:
        """Whether something is still measured."""
        return any(target.active for target in self.targets.values())

    @property
    def state(self) -> State:
        """How it is, or how it ended: failed where any target failed."""
        states = {target.state for target in self.targets.values()}
        if not states:
            return "empty"
        if self.active:
            return "cancelling" if self.cancelling else "running"
        failures = any(target.failures for target in self.targets.values())
        return "failed" if "failed" in states or failures else "cancelled" if "cancelled" in states else "succeeded"

    @property
    def preparation(self) -> str:
        """Carried by the events of what this computer does for all phones before they begin."""
        return f"{self.number}:"

    def caption(self, runs: Iterable[str]) -> str:
        """What stands below pictures of the latencies.

        Args:
            runs: What the runs are called whose files are measured.
        """
        devices = (target.name for target in self.targets.values())
        return caption.words(*devices, *runs, formatting.date(self.began), caption.program())

    @property
    def failed_keys(self) -> tuple[str, ...]:
        """Phones on which it ended early."""
        return tuple(target.key for target in self.targets.values() if target.state in ("failed", "cancelled"))

    def begin(self, targets: Iterable[tuple[str, str]], files: tuple[File, ...], threads: tuple[int, ...]) -> None:
        """A new measuring begins.

        Args:
            targets: Key and name of each.
        """
        self.number += 1
        self.began = datetime.now()
        self.cancelling = False
        self.targets, self.series, self.measured, self.profiles = {}, {}, [], []
        for key, name in targets:
            run = f"{self.number}:{key}"
            self.targets[run] = RunningTarget(run, key, name, files, threads)
        self.notify()

    def reset(self) -> None:
        """Show nothing."""
        self.begin((), (), ())

    def started(self, run: str) -> None:
        """One target has begun."""
        self.targets[run].state, self.targets[run].progress = "running", None
        self.notify()

    def cancel(self) -> None:
        """The person has asked for the end."""
        if self.active:
            self.cancelling = True
            self.notify()

    def finished(
        self,
        run: str,
        state: TargetState,
        *,
        error: ErrorInfo | None = None,
        failures: Iterable[tuple[File, ErrorInfo]] = (),
        measured: Iterable[Measured] = (),
        profiles: Iterable[Profile] = (),
        warnings: Iterable[str] = (),
    ) -> None:
        """One target has ended."""
        target = self.targets.get(run)
        if target is None:
            return
        target.state, target.error, target.progress, target.note = state, error, None, ""
        target.failures, target.warnings = list(failures), tuple(warnings)
        order = [item.name for item in self.targets.values()]
        self.measured = sorted([*self.measured, *measured], key=lambda row: order.index(row.target))
        self.profiles = sorted([*self.profiles, *profiles], key=lambda profile: order.index(profile.target))
        self.notify()

    # events --------------------------------------------------------------------------------------------------

    def apply(self, batch: Iterable[events.Event]) -> None:
        """Take a batch of events in, then tell the subscribers once."""
        taken = False
        for event in batch:
            handler = self._handlers.get(type(event))
            if handler is not None:
                for target in self._concerned(event.run):
                    handler(target, event)
                    taken = True
        if taken:
            self.notify()

    def _concerned(self, run: str) -> list[RunningTarget]:
        """The target that an event is about, or all that wait for what is done for them together."""
        if run == self.preparation:
            return [target for target in self.targets.values() if target.state == "waiting" and target.key != LOCAL]
        target = self.targets.get(run)
        return [target] if target is not None and target.active else []

    def _stage_started(self, target: RunningTarget, event: events.StageStarted) -> None:
        target.stage, target.progress, target.note = event.stage, None, ""
        if event.stage == "check":
            target.file, target.sweep = target.file + 1, -1
        elif event.stage == "measure":
            target.sweep += 1

    def _stage_finished(self, target: RunningTarget, event: events.StageFinished) -> None:
        target.progress = None

    def _progress(self, target: RunningTarget, event: events.Progress) -> None:
        target.progress = event

    def _metric(self, target: RunningTarget, event: events.Metric) -> None:
        target.heat[event.name] = event.value

    def _log(self, target: RunningTarget, event: events.Log) -> None:
        target.note = event.text

    def _latency(self, target: RunningTarget, event: events.LatencySample) -> None:
        threads = target.threads[max(0, target.sweep) % len(target.threads)]
        key = f"{target.id}|{event.role}|{threads}"
        series = self.series.get(key)
        if series is None:
            series = self.series[key] = LiveSeries(
                self._name(target, event.role, threads), self._colour(target, event.role)
            )
        series.add(event.index, event.ns)

    def _name(self, target: RunningTarget, role: str, threads: int | None) -> str:
        file = next((item for item in target.files if role == str(item.path)), None)
        parts = [target.name] if len(self.targets) > 1 else []
        if file is not None and (len(target.files) > 1 or not parts):
            parts.append(file.name)
        if len(target.threads) > 1:
            parts.append("1 thread" if threads == 1 else f"{threads} threads")
        return ", ".join(parts) or target.name

    def _colour(self, target: RunningTarget, role: str) -> int:
        """That of the artefact in every chart; where there are several of it, that of the place at which it came."""
        files = target.files
        alone = len(self.targets) == 1 and len(target.threads) == 1 and len({file.key for file in files}) == len(files)
        artifact = next((file.artifact for file in files if role == str(file.path)), None)
        return artifacts.colour(artifact.key) if alone and artifact is not None else len(self.series)

    def medians(self) -> dict[str, float]:
        """Median of all inferences of each series, in milliseconds."""
        return {key: statistics.median(series.samples.y) for key, series in self.series.items()}
