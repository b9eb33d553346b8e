"""Whether a process works on a run: it holds a lock in the run's folder, which ends with it, however it ends."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"
_LOOK_S = 0.06  # who only looks, as here, holds the lock for an instant; who works on the run, for longer
_PAUSE_S = 0.01


def is_held(directory: Path) -> bool:
    """Whether a process holds a run's folder now."""
    if not (directory / LOCK_FILE).exists():
        return False
    try:
        with FileLock(directory / LOCK_FILE, timeout=_LOOK_S, poll_interval=_PAUSE_S):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):  # a folder that may not be written has nobody at work in it
        return False
