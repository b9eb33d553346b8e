"""How long nothing was heard, for whoever waits and must not wait for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK_S = 2.0


class SilenceTimer:
    """Counts the seconds since something was heard, as far as somebody was listening.

    Of the time between two looks no more than two seconds count: a computer that slept, or a program that was stopped
    in the terminal, is no reason to give up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked = clock()
        self._seconds = 0.0

    def reset(self) -> None:
        """Something was heard."""
        self._looked = self._clock()
        self._seconds = 0.0

    def seconds(self) -> float:
        """How long nothing was heard; to be asked at least every two seconds."""
        now = self._clock()
        self._seconds += min(now - self._looked, _LOOK_S)
        self._looked = now
        return self._seconds
