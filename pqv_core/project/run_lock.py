"""Whether a process works on a run: it holds a lock in the run's folder, which ends with it, however it ends.

Those that only measure a run's files hold locks of their own beside it, so that there may be several: they change
nothing in the run while they measure, but it must not go away.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"
_MEASURES = ".measures-"  # what files of those that measure begin with
_LOOK_S = 0.06  # who only looks, as here, holds the lock for an instant; who works on the run, for longer
_PAUSE_S = 0.01


def is_held(directory: Path) -> bool:
    """Whether a process holds a run's folder now."""
    return _is_locked(directory / LOCK_FILE)


def is_measured(directory: Path) -> bool:
    """Whether a process measures files of a run's folder now."""
    return any(_is_locked(path) for path in directory.glob(f"{_MEASURES}*"))


@contextlib.contextmanager
def measuring(directory: Path) -> Iterator[None]:
    """Tell others that a run's files are measured; where the folder may not be written, nobody can take it away."""
    path = directory / f"{_MEASURES}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    lock = FileLock(path, timeout=0)
    with contextlib.suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=_LOOK_S, poll_interval=_PAUSE_S):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):  # a folder that may not be written has nobody at work in it
        return False
