"""An end for pure Python work that may never find one by itself.

Why: the search of torch-pruning's dependency graph (``dependencies.py``) can take minutes, or for ever, and has
no limit and no callback of its own. Signals reach the main thread only, and a timer that sends one exists on Unix only
(https://docs.python.org/3/library/signal.html); a thread cannot be ended from another; a process of its own would
import torch anew and have to send back a graph that holds the model's own layers. The profiling hook
(https://docs.python.org/3/library/sys.html#sys.setprofile) is called in this thread, on every system, and what it
raises goes up through the work like any exception.

Its price: it slows each call a little, cannot interrupt a single long call of C code, and takes the place of another
profiler of this thread until the end.

Unnecessary once torch-pruning's ``build_dependency`` takes a limit or can be cancelled.
"""

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
    """Inside, ``OutOfTime`` is raised in this thread, within a thousand calls and returns of ``seconds`` having passed.

    Args:
        check: Called now and then as well; may raise (for a person who asked for the end).
    """
    end = clock() + seconds
    calls = 0

    def look(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1
        if calls % 1000:  # not at every call: to look costs time, too
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
