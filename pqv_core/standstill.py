"""Notices a process that neither says nor does anything any longer."""

from __future__ import annotations

import time
from collections.abc import Callable

from pqv_core.silence import Silence

STILL_S = 90.0
"""How long a process may be silent and idle. Whoever waits for something of its own inside that process gives up
sooner, and knows better what it waited for."""

_IDLE_SHARE = 0.01  # of one core; waiting itself costs a tenth of it
_WATCHED_FROM_S = 10.0


class Standstill:
    """One that computes may be silent for as long as it likes: a step of training can take minutes.

    Args:
        worked_s: Seconds of processor time that the process, and all that it started, have used so far.
    """

    def __init__(self, worked_s: Callable[[], float], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._worked_s = worked_s
        self._silence = Silence(clock)
        self._before: float | None = None
        self._heard = False

    def heard(self) -> None:
        """The process has said something. May be called from any thread."""
        self._heard = True

    def seconds(self) -> float:
        """How long it has stood still; 0 until that is certain. To be asked at least every two seconds."""
        if self._heard:
            self._begin_anew()
            return 0.0
        silent = self._silence.seconds()
        if self._before is None and silent >= _WATCHED_FROM_S:
            self._before = self._worked_s()
        if self._before is None or silent < STILL_S:
            return 0.0
        if self._worked_s() - self._before >= _IDLE_SHARE * silent:
            self._begin_anew()
            return 0.0
        return silent

    def _begin_anew(self) -> None:
        self._heard, self._before = False, None
        self._silence.broken()
