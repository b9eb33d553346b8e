"""Keeps Python's full collections of garbage, which stop the window for a tenth of a second, away from the window."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing while a thread makes very many objects, and leave them out of what is collected afterwards.

    They go as soon as nobody holds them; ``gc.unfreeze`` at the end of a job has what is left looked at again.
    """
    global _inside
    with _lock:
        _inside += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.freeze()
                gc.enable()
