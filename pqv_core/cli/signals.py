"""While something is at work, Ctrl-C and SIGTERM end it cleanly instead of ending this process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def ending(ask: Callable[[], None], *, force: Callable[[], None], notice: bytes) -> Iterator[None]:
    """The first signal asks for the end, every further one forces it.

    Args:
        notice: What the person reads at the first.
    """
    asked = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            force()
            return
        asked = True
        ask()
        os.write(sys.stderr.fileno(), notice)  # print() may be the very thing that the signal has interrupted

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
