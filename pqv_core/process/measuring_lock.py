"""Latency is measured by one process of this computer at a time; the others wait, and are told for whom. A latency
table, which takes many such turns, has a lock of its own as well.

The lock is the system's and ends with the process that holds it, however that ends. All projects of a person share it.
Where it cannot be had (no home folder, or one that may not be written), measuring goes on without it, with a warning.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from pqv_core import formatting
from pqv_core.errors import PqvError
from pqv_core.files import fsio

_APP = "pqv-mobile"
_LOOK_S = 0.25
_REMIND_S = 30.0  # often enough for whoever ends a worker that stands still


class MeasuringHolder(BaseModel):
    """Who measures.

    Attributes:
        work: The project and run, or the files.
        since: UTC.
    """

    model_config = ConfigDict(frozen=True)

    work: str = Field(max_length=500)
    process: int = Field(gt=0)
    since: datetime

    @property
    def sentence(self) -> str:
        """The work, the process, and since when, in this computer's time."""
        work = "".join(letter for letter in self.work if letter.isprintable())
        return f"{work} (process {self.process}) measures on this computer since {self.since.astimezone():%H:%M:%S}"


@contextlib.contextmanager
def held(
    work: str,
    *,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    check: Callable[[], None],
    path: Path | None = None,
) -> Iterator[None]:
    """Inside, no other process of this person's measures on this computer; waits for its turn.

    Args:
        work: What is measured, for others who wait.
        path: Of the lock, where only those who measure the same exclude each other; None for all.
        say: Told who is waited for, at once, when that changes, and every half minute.
        warn: Told where the lock cannot be had.
        check: Called four times a second while waiting; raises where the person has asked for the end.
    """
    path = path or _path()
    try:
        if not path.is_absolute():
            raise FileNotFoundError("there is no home folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        _wait(lock, path, say=say, check=check)
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        warn(
            f"Other measurements on this computer could not be locked out, so results may be disturbed: {path.parent} "
            f"cannot be used ({(getattr(error, 'strerror', None) or str(error)).lower()})."
        )
        yield
        return
    try:
        with contextlib.suppress(PqvError):  # the note is for a person's eyes; the lock holds without it
            note = MeasuringHolder(work=work[:500], process=os.getpid(), since=datetime.now(UTC))
            fsio.write_json(_note(path), note.model_dump(mode="json"))
        yield
    finally:
        with contextlib.suppress(OSError):
            fsio.remove(_note(path))
        lock.release()


def _wait(lock: FileLock, path: Path, *, say: Callable[[str], None], check: Callable[[], None]) -> None:
    began = said_at = time.monotonic()
    said = ""
    while True:
        check()
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
            break
        now, text = time.monotonic(), _who(path)
        if not said or now - said_at >= _REMIND_S or text not in ("", said):
            waited = f" (for {formatting.duration(now - began)} so far)" if said else ""
            say(f"Waiting to measure{waited}: {text or said or 'another process measures on this computer'}.")
            said, said_at = text or said or " ", now
        time.sleep(_LOOK_S)
    if said:
        say(f"Measuring starts after waiting {formatting.duration(time.monotonic() - began)}.")


def _who(path: Path) -> str:
    """Who holds the lock, as a sentence; empty for the moment in which that is not written down."""
    try:
        return MeasuringHolder.model_validate(fsio.read_json(_note(path))).sentence
    except (OSError, ValueError):
        return ""


def _path() -> Path:
    """One name for all of a person's processes on this computer; home folders may be shared by several computers."""
    node = "".join(letter if letter.isalnum() else "-" for letter in platform.node())[:64]
    return platformdirs.user_state_path(_APP, appauthor=False) / f"measuring-{node}.lock"


def _note(path: Path) -> Path:
    return path.with_suffix(".holder")
