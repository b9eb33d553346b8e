"""How far a whole run is, and how long it will take still: one bar and one time, fed with the run's events.

Each stage has an expected duration (``plan.py``). For the stage at work it gives way, as its work is done, to
the speed that is seen; where durations are guessed, the stages that are over say how fast this computer is.
The bar moves as fast as it must to arrive when the time is over, so it never goes back and never stands still. The time
that is shown runs down with the clock; it grows only where the run is clearly slower than was thought.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pqv_core.process import events
from pqv_core.project.plan import START, Planned

_TRUST = {True: 0.3, False: 0.1}
"""Share of a stage's work after which its own speed counts as much as what was expected, known or guessed."""

_DOUBT_S = 10.0
"""Seconds of finished stages after which this computer's speed counts as much as the usual one."""

_LATE = 0.15
"""How much of the time by which a stage is late it is expected to take still."""

_FASTER_S = 10.0
"""Time in which what is shown follows an estimate that has become shorter."""

_GROWTH, _GROWTH_S = 0.2, 2.0
"""By how much more than shown the estimate must be before the time that is shown grows."""

_LEAST_S = 0.05


class RunProgress:
    """The progress of one run.

    Args:
        planned: What the run will do, in order.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, planned: Sequence[Planned], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._planned = {item.name: item for item in planned}
        self._names = [item.name for item in planned if item.name != START]
        self._over: dict[str, float] = {}  # seconds by stage
        self._guessed, self._took = 0.0, 0.0  # of stages that were guessed and are over
        self._at, self._began = START, clock()
        self._first: tuple[float, float] | None = None  # share and moment at which the stage told of its work first
        self._share, self._reported_at = 0.0, self._began
        self._seen = self._began
        self.fraction = 0.0
        self._left: float | None = None

    @property
    def position(self) -> tuple[int, int]:
        """Which stage is at work or was the last, counted from 1, and how many there are; 0 before the first."""
        at = self._names.index(self._at) + 1 if self._at in self._names else 0
        return at, len(self._names)

    @property
    def seconds_left(self) -> float | None:
        """How long the run will take still, as it is shown; None where nothing is known of it."""
        return self._left

    def take(self, event: events.Event) -> None:
        """Take an event in."""
        self.tick()
        if isinstance(event, events.JobStarted):
            self._replan(event.stages)
        elif isinstance(event, events.StageStarted):
            self._leave(self._clock() - self._began)
            self._enter(event.stage)
        elif isinstance(event, events.StageFinished):
            self._finished(event)
        elif isinstance(event, events.Progress) and event.stage == self._at:
            self._worked(event.done_share)
        elif isinstance(event, events.Finished):
            self._left = 0.0
            self.fraction = 1.0 if event.outcome == "succeeded" else self.fraction

    def tick(self) -> None:
        """Let the bar and the time move on to the present moment."""
        now = self._clock()
        spent, self._seen = now - self._seen, now
        estimate = self._estimate(now)
        self.fraction += (1 - self.fraction) * spent / (spent + estimate)
        shown = estimate if self._left is None else max(0.0, self._left - spent)
        if estimate > shown * (1 + _GROWTH) + _GROWTH_S:
            shown = estimate
        elif estimate < shown:
            shown += (estimate - shown) * min(1.0, spent / _FASTER_S)
        self._left = shown

    # what is known -------------------------------------------------------------------------------------------

    def _replan(self, names: Sequence[str]) -> None:
        """The worker says what it will do; it may be of another version."""
        self._names = list(names)
        for name in names:
            self._planned.setdefault(name, Planned(name, 1.0))

    def _enter(self, stage: str) -> None:
        if stage in self._names:  # those before it that nobody has heard of are passed over
            for name in self._names[: self._names.index(stage)]:
                self._over.setdefault(name, 0.0)
        self._at, self._began, self._first, self._share = stage, self._clock(), None, 0.0

    def _finished(self, event: events.StageFinished) -> None:
        if event.cached:
            self._over[event.stage] = 0.0
        elif event.stage == self._at:
            self._leave(event.seconds)
        self._share, self._first = 1.0, None

    def _leave(self, seconds: float) -> None:
        """The stage at work is over; how long it took tells of this computer."""
        if self._at in self._over:
            return
        self._over[self._at] = seconds
        planned = self._planned.get(self._at)
        if planned is not None and not planned.known and self._at != START:
            self._guessed += planned.seconds
            self._took += seconds

    def _worked(self, share: float | None) -> None:
        if share is None:
            return
        if self._first is None:
            self._first = share, self._clock()
        if share > self._share:
            self._share, self._reported_at = min(share, 1.0), self._clock()

    # what follows --------------------------------------------------------------------------------------------

    def _expected(self, name: str) -> float:
        planned = self._planned.get(name)
        if planned is None:
            return 1.0
        pace = 1.0 if planned.known or name == START else (self._took + _DOUBT_S) / (self._guessed + _DOUBT_S)
        return max(_LEAST_S, planned.seconds * pace)

    def _estimate(self, now: float) -> float:
        """Seconds to the end, by all that is known."""
        coming = sum(self._expected(name) for name in self._names if name not in self._over and name != self._at)
        rest = self._rest(now) if self._at not in self._over else 0.0
        return max(_LEAST_S, coming + rest)

    def _rest(self, now: float) -> float:
        """Seconds to the end of the stage at work."""
        expected, spent = self._expected(self._at), now - self._began
        silent = _running_down(expected, spent)
        if self._first is None or self._share <= self._first[0]:
            return silent
        share, since = self._first
        done = self._share - share
        at_this_speed = _running_down((self._reported_at - since) / done * (1 - self._share), now - self._reported_at)
        planned = self._planned.get(self._at)
        trust = done / (done + _TRUST[planned is not None and planned.known])
        return trust * at_this_speed + (1 - trust) * silent


def _running_down(expected: float, spent: float) -> float:
    """What is left of an expected duration: it shrinks with the clock; the later it is, the more may come."""
    return max(_LEAST_S, expected - spent, _LATE * (spent - expected))
