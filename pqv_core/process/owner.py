"""A process that works for another one ends with it, however that one ends.

``Requests`` is for a process that takes its work from standard input: while its owner lives, the pipe is open.
``end_with_parent`` is for a process that ``multiprocessing`` started, ``end_with_launcher`` for any other.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import psutil

GONE = 3
"""Exit status of a process whose owner is gone. Nobody is left to read it; it is for a look at a system's log."""

_CHUNK_BYTES = 65_536
_LOOK_S = 1.0


class Requests:
    """Lines from the owner, read from the descriptor itself.

    ``sys.stdin`` is not for a thread that waits: it holds a lock while it waits, and whoever looks at ``sys.stdin``
    then waits too; so did each process that was forked meanwhile. Nothing else sees this descriptor: standard input
    is empty from here on, for this process and for what it starts.
    """

    def __init__(self) -> None:
        self._descriptor = os.dup(0)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        self._rest = b""

    def line(self) -> bytes | None:
        """The next line without its end; None once the owner is gone."""
        while b"\n" not in self._rest:
            chunk = self._read()
            if not chunk:
                last, self._rest = self._rest, b""
                return last or None
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    def listen(
        self, take: Callable[[bytes], None] = lambda line: None, *, gone: Callable[[], None] = lambda: end()
    ) -> None:
        """Hand each further line to ``take``, in a thread of its own.

        Args:
            gone: What to do at the owner's end; this process ends if nothing else is said.
        """

        def wait() -> None:
            while (line := self.line()) is not None:
                take(line)
            gone()

        threading.Thread(target=wait, daemon=True, name="pqv-owner").start()

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, _CHUNK_BYTES)
        except OSError:  # Windows, when the other end was killed
            return b""


def end_with_parent() -> None:
    """End this process, which ``multiprocessing`` started by spawning, within moments of its parent's end."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        end()

    threading.Thread(target=wait, daemon=True, name="pqv-owner").start()


def end_with_launcher() -> None:
    """End this process within seconds of the end of the one that started it, whatever that is.

    torchrun is a Python program: a process of it with another parent has lost it before it came here.
    """
    launcher = psutil.Process().parent()
    if launcher is None and sys.platform == "win32":
        end()
    if launcher is not None and "TORCHELASTIC_RUN_ID" in os.environ and not _is_python(launcher):
        end()
    if launcher is not None and sys.platform == "win32" and sys.prefix != sys.base_prefix:
        launcher = launcher.parent()  # the parent is the little program that a virtual environment has as its Python
    if launcher is None:  # another container's, which cannot be seen from here
        return

    def wait() -> None:
        while _works(launcher):
            time.sleep(_LOOK_S)
        end()

    threading.Thread(target=wait, daemon=True, name="pqv-owner").start()


def _is_python(process: psutil.Process) -> bool:
    try:
        program = process.cmdline()[:1]
    except psutil.Error:  # gone, or another person's, as the system's first process is
        return False
    return bool(program) and Path(program[0]).name.lower().startswith("python")


def _works(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def leave(status: int) -> NoReturn:
    """End this process with what it has said, without waiting for children that hang in the system."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def end() -> NoReturn:
    """End this process at once."""
    os._exit(GONE)  # every file is replaced in one step, so there is nothing to tidy
