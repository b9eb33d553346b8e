"""While work on phones runs, Ctrl-C and SIGTERM end it cleanly instead of ending this process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

from deploy.job import Job

_ENDING = b"\nEnding the measurement ...\n"


@contextlib.contextmanager
def ending(jobs: Sequence[Job]) -> Iterator[None]:
    """The first signal asks all jobs for their end; the second is an ordinary KeyboardInterrupt."""
    asked = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        for job in jobs:
            job.cancelled.set()
        os.write(sys.stderr.fileno(), _ENDING)  # print() may be the very thing that the signal has interrupted

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
