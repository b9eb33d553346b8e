"""Notices a process that neither says nor does anything any longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from pqv_core.process import process_group
from pqv_core.process.silence import SilenceTimer

STALL_S = 90.0
"""How long a process may be silent and idle. Whoever waits for something of its own inside that process gives up
sooner, and knows better what it waited for."""

DISK_S = 600.0
"""The same while the system is busy with a disk for it: a gigabyte goes to a slow stick at 10 MB/s."""

_IDLE_SHARE = 0.01  # of one core; waiting itself costs a tenth of it
_WATCHED_FROM_S = 10.0


class StallDetector:
    """A process that computes may be silent for as long as it likes: a step of training can take minutes.

    Args:
        pid: The process; all that it has started counts with it.
        stall_s: How long it may be silent and idle.
        worked_s: Seconds of processor time used so far.
        waits_for_disk: Whether the system holds it until a disk has answered.
    """

    def __init__(
        self,
        pid: int,
        *,
        stall_s: float | None = None,
        worked_s: Callable[[int], float] = process_group.processor_seconds,
        waits_for_disk: Callable[[int], bool] = process_group.waits_for_disk,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stall_s = STALL_S if stall_s is None else stall_s
        self._worked_s = partial(worked_s, pid)
        self._waits_for_disk = partial(waits_for_disk, pid)
        self._silence = SilenceTimer(clock)
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
        if self._before is None or silent < self._stall_s:
            return 0.0
        if abs(self._worked_s() - self._before) >= _IDLE_SHARE * silent:  # macOS takes the share of ended ones away
            self._begin_anew()
            return 0.0
        return silent if silent >= DISK_S or not self._waits_for_disk() else 0.0

    def _begin_anew(self) -> None:
        self._heard, self._before = False, None
        self._silence.reset()
