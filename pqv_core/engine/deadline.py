"""An end for pure Python work that may never find one by itself."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType


class OutOfTime(Exception):  # noqa: N818 - translated by whoever sets the deadline
    """The deadline has passed."""


@contextlib.contextmanager
def deadline(
    seconds: float, *, check: Callable[[], None], clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Inside, ``OutOfTime`` is raised at the first function call after ``seconds``, in this thread.

    Works on every system and needs no thread or signal, by way of the interpreter's profiling hook.

    Args:
        check: Called now and then as well; may raise (for a person who asked for the end).
    """
    end = clock() + seconds
    calls = 0

    def look(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1
        if calls % 1000:
            return
        check()
        if clock() > end:
            raise OutOfTime

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)
