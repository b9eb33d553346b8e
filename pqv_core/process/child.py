"""A process of ours that answers in lines: both its pipes are read all the time, and nothing of it is left afterwards.

    with Child(process_group.start(command, environment=os.environ)) as child:
        child.send(request)
        while (line := child.line(check=context.check_cancelled)) is not None:
            ...

What it writes on standard error is kept by its end only, so it may write as much as it likes. It is ended when the
block is left; it should end by itself with its standard input (``owner.Requests``), for an owner that is killed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from pqv_core.process import process_group
from pqv_core.process.stall import StallDetector

LONGEST_S = 3600.0
"""How long a line may take of a process that computes all the while."""

STALL_S = 60.0
"""How long a process may say and compute nothing while it is asked for something: whoever watches us waits longer."""

_LOOK_S = 0.1  # cancel is seen, and Windows runs signal handlers
_ORPHANS_S = 1.0  # for a stream held open by what a dead process left behind
_REAP_S = 5.0
_CHUNK_BYTES = 65_536
_LINE_BYTES = 32 << 20
_STDERR_BYTES = 16 << 10
_QUEUED_LINES = 1_000


class Overdue(Exception):  # noqa: N818 - translated by whoever waits
    """The process has not answered in time; the text says what it did instead, as the end of a sentence."""


class Child:
    """A process with pipes. Used as a context manager, by one thread.

    Args:
        process: The process, just started; it is this object's from now on. Without a pipe for its standard error,
            that comes with its lines.
        grace_s: How long it has to end by itself once its standard input is closed.
        stall_s: How long it may say and compute nothing while a line is waited for.
    """

    def __init__(self, process: process_group.Process, *, grace_s: float = 0.0, stall_s: float = STALL_S) -> None:
        self._process = process
        self._grace_s = grace_s
        self._stall = StallDetector(self._process.pid, stall_s=stall_s)
        self._change = threading.Condition()  # guards all that follows
        self._to_say: deque[bytes] = deque()
        self._lines: deque[bytes] = deque()
        self._stderr = b""
        self._silent = False  # nothing more will come
        self._closing = False
        self._exited_at: float | None = None
        loops = (self._speak, self._listen, *((self._keep_stderr,) if process.stderr else ()))
        self._threads = [threading.Thread(target=loop, daemon=True, name="pqv-child") for loop in loops]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """The end of what it wrote on standard error."""
        with self._change:
            return self._stderr.decode("utf-8", "replace")

    def send(self, line: bytes) -> None:
        """Give it a line, to which the end is added. Never waits; a process that is gone does not get it."""
        with self._change:
            self._to_say.append(line + b"\n")
            self._change.notify_all()
        self._stall.heard()  # what it does not say while nobody asks is no silence

    def line(self, *, check: Callable[[], None] = lambda: None, within_s: float = LONGEST_S) -> bytes | None:
        """Its next line without the end; None when no more will come.

        Args:
            check: Called ten times a second while nothing comes; raises where the person has asked for the end.
            within_s: How long it may take.

        Raises:
            Overdue: It took longer, or the process said and computed nothing for too long.
        """
        until = time.monotonic() + within_s
        while True:
            check()
            with self._change:
                if not self._lines and not self._silent:
                    self._change.wait(_LOOK_S)
                if self._lines:
                    self._change.notify_all()  # there is room again
                    return self._lines.popleft()
                if self._silent or self._is_long_gone():
                    return None
            if silent := self._stall.seconds():
                raise Overdue(f"was silent and idle for {silent:.0f} s")
            if time.monotonic() > until:
                raise Overdue(f"did not answer within {within_s:.0f} s")

    def status(self) -> int:
        """Exit status, as ``subprocess.Popen.returncode``, of a process that says no more; if it stays, it is ended."""
        try:
            self._process.wait(_ORPHANS_S)
        except subprocess.TimeoutExpired:
            self.close()
        for thread in self._threads:  # its last words
            thread.join(_ORPHANS_S)
        return self._process.returncode if self._process.returncode is not None else -9

    def close(self) -> None:
        """End the process, with all that it has started, and reap it. May be called twice."""
        with self._change:
            self._closing = True
            self._change.notify_all()  # closes its standard input
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._grace_s:
                self._process.wait(self._grace_s)
        if self._process.poll() is None:
            process_group.end(self._process, grace_s=0.0)
        with contextlib.suppress(subprocess.TimeoutExpired):  # not even killed it ends: it hangs in the system
            self._process.wait(_REAP_S)
        for thread in self._threads:
            thread.join(_ORPHANS_S)
        if not any(thread.is_alive() for thread in self._threads):
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()

    def _is_long_gone(self) -> bool:
        if self._process.poll() is None:
            return False
        self._exited_at = self._exited_at or time.monotonic()
        return time.monotonic() - self._exited_at > _ORPHANS_S

    # one thread each -----------------------------------------------------------------------------------------

    def _speak(self) -> None:
        """Hand lines over, which waits as long as the process does not read; its input ends with us."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as stdin:  # gone: its exit tells more than a broken pipe
            while (line := self._next_to_say()) is not None:
                stdin.write(line)
                stdin.flush()

    def _next_to_say(self) -> bytes | None:
        with self._change:
            self._change.wait_for(lambda: self._to_say or self._closing)
            return None if self._closing else self._to_say.popleft()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        splitter = LineSplitter(limit=_LINE_BYTES)
        while chunk := read(self._process.stdout.fileno()):
            self._stall.heard()
            for line in splitter.feed(chunk):
                self._take(line)
        if rest := splitter.rest():
            self._take(rest)
        with self._change:
            self._silent = True
            self._change.notify_all()

    def _take(self, line: bytes) -> None:
        with self._change:
            # A process that is quicker than its listener waits here, instead of filling our memory.
            self._change.wait_for(lambda: len(self._lines) < _QUEUED_LINES or self._closing)
            if not self._closing:
                self._lines.append(line)
                self._change.notify_all()

    def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while chunk := read(self._process.stderr.fileno()):
            self._stall.heard()
            with self._change:
                self._stderr = (self._stderr + chunk)[-_STDERR_BYTES:]


class LineSplitter:
    """Cuts a stream of bytes into lines; of a line longer than ``limit`` bytes only its beginning is kept."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes, without their ends."""
        *ends, rest = chunk.split(b"\n")
        lines = []
        for end in ends:
            self._keep(end)
            lines.append(self.rest())
        self._keep(rest)
        return lines

    def rest(self) -> bytes:
        """What has come since the last line; it is forgotten."""
        line = b"".join(self._parts)
        self._parts, self._size = [], 0
        return line

    def _keep(self, part: bytes) -> None:
        part = part[: max(0, self._limit - self._size)]
        if part:
            self._parts.append(part)
            self._size += len(part)


def read(descriptor: int) -> bytes:
    """What has come through a pipe; empty at its end."""
    try:
        return os.read(descriptor, _CHUNK_BYTES)
    except OSError:  # Windows, when the other end was killed
        return b""
