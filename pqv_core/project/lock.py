"""Who writes a project file: at most one window. Runs have a lock of their own, so ``pqv run`` works beside it."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from pqv_core.errors import PqvError, ProjectError
from pqv_core.files import fsio


class ProjectOpenError(ProjectError):
    """The project is open in another window.

    Attributes:
        who: Where and since when, where that is known.
    """

    def __init__(self, path: Path, who: str) -> None:
        super().__init__(
            f"The project {path.stem} is open in another window{f': {who}' if who else ''}.",
            action="Continue there, open it read-only or open a copy. To edit it here, close it there and try again.",
        )
        self.who = who


class ProjectHolder(BaseModel):
    """Who holds a project.

    Attributes:
        since: UTC.
    """

    model_config = ConfigDict(frozen=True)

    computer: str = Field(max_length=200)
    process: int = Field(gt=0)
    since: datetime

    @classmethod
    def here(cls) -> ProjectHolder:
        """This process, from now on."""
        return cls(computer=platform.node(), process=os.getpid(), since=datetime.now(UTC))

    @property
    def sentence(self) -> str:
        """Where, which process, since when, in this computer's time."""
        printable = "".join(letter for letter in self.computer if letter.isprintable())
        place = "on this computer" if self.computer == platform.node() else f"on the computer {printable}"
        return f"{place}, by process {self.process}, since {self.since.astimezone():%H:%M on %d %B %Y}"


class ProjectLock:
    """Holds at most one project. The system ends the hold with the process, however that ends.

    Args:
        ending: Given each path whose hold is over, and what ends it: calls that at once, or as soon as nobody writes
            there any more. May do so in another thread.
    """

    def __init__(self, *, ending: Callable[[Path, Callable[[], None]], None] = lambda path, end: end()) -> None:
        self._ending = ending
        self._path: Path | None = None
        self._lock: FileLock | None = None

    @contextlib.contextmanager
    def moving(self, path: Path) -> Iterator[None]:
        """Hold ``path`` from now on, and let go of what was held once the block has ended well.

        In a folder that may not be written nothing can be held, and nobody writes: the block runs all the same.

        Raises:
            ProjectOpenError: Another window holds it.
        """
        path = path.resolve()
        if path == self._path:
            yield
            return
        lock = _acquire(path)
        try:
            yield
        except BaseException:
            self._ending(path, partial(_release, path, lock))
            raise
        self.release()
        self._path, self._lock = path, lock or _acquire(path)  # the block may have made the file

    def release(self) -> None:
        """Let go of what is held."""
        if self._path is not None:
            self._ending(self._path, partial(_release, self._path, self._lock))
        self._path = self._lock = None


def _acquire(path: Path) -> FileLock | None:
    try:
        if not path.is_file():
            return None
    except OSError:  # a folder that may not be looked into; who opens or saves there is told
        return None
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        holder = _read_holder(path)
        raise ProjectOpenError(path, holder.sentence if holder else "") from error
    except (OSError, NotImplementedError):  # it may not be written, which who saves there is told, or cannot lock
        return None
    with contextlib.suppress(PqvError):  # the note is for a person's eyes; the lock holds without it
        fsio.write_json(_note(path), ProjectHolder.here().model_dump(mode="json"))
    return lock


def _release(path: Path, lock: FileLock | None) -> None:
    if lock is not None:
        with contextlib.suppress(OSError):  # the folder may have vanished
            fsio.remove(_note(path))
        lock.release()


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.holder")


def _read_holder(path: Path) -> ProjectHolder | None:
    try:
        return ProjectHolder.model_validate(fsio.read_json(_note(path)))
    except (OSError, ValueError):
        return None
