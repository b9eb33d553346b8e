"""Files that the window writes beside itself; of each, what was handed in last is what the disk holds at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pqv_core.errors import PqvError, StorageError
from pqv_gui.services.jobs import refused

PATIENCE_S = 5.0
"""How long the window stands still for a disk that does not answer."""


@dataclass(frozen=True)
class _Write:
    work: Callable[[], object]
    done: Callable[[], object]
    failed: Callable[[PqvError], object]


@dataclass
class _File:
    """One that is being written.

    Attributes:
        next: The newest of what was handed in since, which is written after it; whatever was older is not.
        after: What is done once nothing is left to write.
    """

    next: _Write | None
    after: list[Callable[[], object]] = field(default_factory=list)


class FileWriter:
    """Writes each file in a thread of its own, which ends when there is nothing left to write.

    So an older content is never put in the place of a newer one, however slow the disk is, and a disk that does not
    answer keeps only its own files waiting.

    Args:
        told: Called in such a thread when something has been written, or could not be: ``deliver`` is due.
    """

    def __init__(self, *, told: Callable[[], object]) -> None:
        self._told = told
        self._change = threading.Condition()
        self._files: dict[Path, _File] = {}
        self._ended: list[Callable[[], object]] = []
        self._closed = False

    def put(
        self,
        path: Path,
        work: Callable[[], object],
        *,
        done: Callable[[], object],
        failed: Callable[[PqvError], object],
    ) -> None:
        """Have ``work`` write ``path``, in the place of what waits to be written there.

        Args:
            done: Called by ``deliver`` once it has been written, but not where something newer took its place before.
            failed: The same where it could not be written.
        """
        write = _Write(work, done, failed)
        with self._change:
            if path in self._files:
                self._files[path].next = write
            else:
                self._files[path] = _File(write)
                threading.Thread(target=self._write, args=(path,), name=f"writes {path.name}", daemon=True).start()

    def now(self, path: Path, work: Callable[[], object]) -> None:
        """Have ``work`` write ``path``, and wait for it.

        Raises:
            StorageError: The disk does not answer. Once it does, the file is written all the same.
            PqvError: What ``work`` raises.
        """
        errors: list[PqvError] = []
        self.put(path, work, done=lambda: None, failed=errors.append)
        in_time = self.wait(path)
        self.deliver()
        if not in_time:
            raise StorageError(
                f"The disk is not responding: {path.name} is still being written.",
                action="Check the drive and try again, or save elsewhere. Nothing is lost while this window is open.",
                details=str(path),
            )
        if errors:
            raise errors[0]

    def is_writing(self, path: Path) -> bool:
        """Whether something is left to be written there."""
        with self._change:
            return path in self._files

    def wait(self, path: Path | None = None) -> bool:
        """Wait until nothing is left to be written to a file, or to any; False where that takes too long."""
        with self._change:
            return self._change.wait_for(
                lambda: path not in self._files if path else not self._files, timeout=PATIENCE_S
            )

    def afterwards(self, path: Path, do: Callable[[], object]) -> None:
        """Do something once nothing is left to be written to a file: now, or later in the thread that writes it."""
        with self._change:
            if path in self._files:
                self._files[path].after.append(do)
                return
        do()

    def deliver(self) -> None:
        """Tell how what has ended since the last time has ended."""
        with self._change:
            ended, self._ended = self._ended, []
        for tell in ended:
            tell()

    def close(self) -> None:
        """Wait for what is being written, and tell nobody any more how it ends."""
        self.wait()
        with self._change:
            self._closed = True
            self._ended.clear()

    # in a thread for each file -------------------------------------------------------------------------------

    def _write(self, path: Path) -> None:
        while (write := self._next(path)) is not None:
            end = _end(write)
            with self._change:
                if not self._closed:
                    self._ended.append(end)
                    self._told()

    def _next(self, path: Path) -> _Write | None:
        file = self._files[path]
        while True:
            with self._change:
                write, file.next = file.next, None
                after, file.after = file.after, []
                if write is not None:
                    file.after = after
                    return write
                if not after:
                    del self._files[path]
                    self._change.notify_all()
                    return None
            for do in after:
                do()


def _end(write: _Write) -> Callable[[], object]:
    """Write; what there is to tell of it."""
    error = refused(write.work)
    return write.done if error is None else lambda: write.failed(error)
