"""Starts a worker process, listens to it, cancels it and reaps it; used by the command line and by the window.

    with Worker(job) as worker:
        for event in worker.events():  # the last one is always one Finished
            ...

``cancel()`` and ``kill()`` may be called from any thread, and from a signal handler. Cancel asks; what does not
listen is killed with everything it started, so that ``events()`` ends within a second. A worker that says nothing and
does nothing for a minute and a half is ended too, with a sentence about what it was at.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from pqv_core import labels
from pqv_core.errors import ErrorInfo
from pqv_core.process import exit_status, process_group
from pqv_core.process.child import LineSplitter, read
from pqv_core.process.events import AnyEvent, Finished, Log, Progress, StageStarted, decode, unknown_type
from pqv_core.process.job import Job, RunJob
from pqv_core.process.stall import StallDetector
from pqv_core.project import project_file as projects
from pqv_core.project import runs

GRACE_S = 0.6
"""How long a worker has to end by itself once it was asked to."""

_BETWEEN_S = 0.15  # from SIGTERM to SIGKILL, and from there to not waiting any longer
_SILENT_EXIT_S = 5.0  # for a process that closed its stream of events
_ORPHANS_S = 1.0  # for a stream held open by what a dead worker left behind
_TEARDOWN_S = 0.3  # for a worker that has said its last word: what it still does is of no use to anybody
_WAIT_S = 0.25  # Windows does not run signal handlers during a longer wait

_LINE_BYTES = 32 << 20
_STDERR_BYTES = 16 << 10
_QUEUED_EVENTS = 1_000
_GARBAGE_LINES = 100
_GARBAGE_BYTES = 500


def default_command() -> tuple[str, ...]:
    """The worker of this installation. ``-P`` keeps a ``torch.py`` in the current folder from being run."""
    return (sys.executable, "-P", "-m", "pqv_core.engine.worker", "--owned")


def _environment() -> dict[str, str]:
    return {
        **process_group.python_environment(),
        "PYTHONFAULTHANDLER": "1",  # a Python traceback when compiled code crashes
        # Without a terminal, too, the hub's client then tells how far a download is, and that it waits for another's.
        "TQDM_POSITION": "-1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "0",
        "HF_HUB_VERBOSITY": "info",
    }


class Worker:
    """One job in a process of its own. Used as a context manager; nothing of it is left afterwards.

    Args:
        job: What to do.
        command: Program to start instead of the worker of this installation.
        grace_s: How long it has to end by itself once it was asked to.
    """

    def __init__(self, job: Job, *, command: Sequence[str] | None = None, grace_s: float = GRACE_S) -> None:
        self._job = job
        self._command = tuple(command) if command is not None else default_command()
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None
        self._not_started: ErrorInfo | None = None
        self._threads: list[threading.Thread] = []
        self._change = threading.Condition()  # guards all that follows; its lock is reentrant, for signal handlers
        self._queue: deque[AnyEvent] = deque()
        self._garbage = 0
        self._stderr = b""
        self._stage = ""
        self._progress: Progress | None = None
        self._stall = StallDetector(0)
        self._gave_up: ErrorInfo | None = None
        self._gave_up_at: float | None = None
        self._started_at = time.monotonic()
        self._asked_at: float | None = None
        self._end_of_events_at: float | None = None
        self._end_of_stderr = False
        self._exited_at: float | None = None
        self._finished = False
        self._closing = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process. That this failed is told by ``events()``, like every other end."""
        try:
            self._started_at = time.monotonic()
            line = self._job.model_dump_json().encode() + b"\n"
            self._process = process_group.start(self._command, environment=_environment())
            self._stall = StallDetector(self._process.pid)
        except (OSError, ValueError) as error:
            self._not_started = ErrorInfo(
                kind="WorkerError",
                message="The worker process could not be started.",
                action="Close other programs and try again, or install PQV-Mobile again.",
                details=f"{' '.join(self._command)}: {error}",
            )
            return
        for loop in (lambda: self._speak(line), self._listen, self._keep_stderr, self._reap):
            self._threads.append(threading.Thread(target=loop, daemon=True, name="pqv-worker-client"))
            self._threads[-1].start()

    def cancel(self) -> None:
        """Ask for the end of the job; returns at once. More calls change nothing."""
        with self._change:
            if self._asked_at is None:
                self._asked_at = time.monotonic()
            self._change.notify_all()

    def kill(self) -> None:
        """End the job at once, without asking; it counts as cancelled."""
        with self._change:
            self.cancel()
            self._kill()

    def events(self) -> Iterator[AnyEvent]:
        """What the worker says, in order; the last event is always one ``Finished``.

        Events of another run are dropped; lines that are no events become ``Log`` events, a limited number of them.
        """
        while not self._finished:
            event = self._next()
            if isinstance(event, StageStarted):
                self._stage, self._progress = event.stage, None
            elif isinstance(event, Progress):
                self._progress = event
            elif isinstance(event, Finished):
                self._finished = True
                event = self._concluded(event)
            yield event

    def close(self) -> None:
        """End the process, if it has not ended, and all threads. May be called twice."""
        with self._change:
            self._closing = True
            self._change.notify_all()  # closes its standard input: an owned worker goes by itself
            if self._finished and self._process is not None:
                self._change.wait_for(lambda: self._exited_at is not None, timeout=_TEARDOWN_S)
            self._kill()
        until = time.monotonic() + (_TEARDOWN_S if self._gave_up is not None else _SILENT_EXIT_S)
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))
        if self._process is not None and not any(thread.is_alive() for thread in self._threads):
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()

    def _concluded(self, end: Finished) -> Finished:
        """Have the run say how it ended; its worker may have been killed before it could, or just after it did."""
        if not isinstance(self._job, RunJob) or end.outcome == "succeeded":
            return end
        directory = projects.runs_directory(Path(self._job.project)) / self._job.run
        return runs.conclude(directory, end, seconds=time.monotonic() - self._started_at)

    # what ends a job -----------------------------------------------------------------------------------------

    def _next(self) -> AnyEvent:
        if self._process is None:
            return self._own_end("failed", self._not_started)
        with self._change:
            while True:
                overdue = self._escalated()
                if overdue:
                    return self._last_word()
                if self._queue:
                    self._change.notify_all()  # there is room again
                    return self._queue.popleft()
                if self._end_of_events_at is not None and self._end_of_stderr and self._exited_at is not None:
                    return self._last_word()
                self._end_when_stalled()
                self._change.wait(_WAIT_S if self._asked_at is None else _BETWEEN_S / 3)

    def _escalated(self) -> bool:
        """Do what is due by now; True once there is nothing left to wait for."""
        assert self._process is not None
        if _seconds_since(self._gave_up_at) >= 2 * _BETWEEN_S:  # not even killed it ends: it hangs in the system
            return True
        asked = _seconds_since(self._asked_at) - self._grace_s
        if asked >= 2 * _BETWEEN_S:
            return True
        if self._exited_at is None and _seconds_since(self._end_of_events_at) >= _SILENT_EXIT_S:
            self._give_up("The job’s process stopped responding and was terminated.")
        if asked >= _BETWEEN_S:
            self._kill()
        elif asked >= 0:
            process_group.terminate(self._process)
        return not self._queue and _seconds_since(self._exited_at) >= _ORPHANS_S

    def _end_when_stalled(self) -> None:
        silent = self._stall.seconds() if self._exited_at is None else 0.0
        if silent:
            self._give_up(f"{self._where()} made no progress for {silent:.0f} s: the process was silent and idle.")

    def _where(self) -> str:
        """What the worker was at, as the beginning of a sentence."""
        if not self._stage:
            return "The job"
        at = self._progress
        counted = at is not None and at.total > 0
        done = f", after {at.done:,} of {at.total:,} {at.unit}".rstrip() + "," if at is not None and counted else ""
        return f"“{labels.stage(self._stage)}”{done}"

    def _give_up(self, sentence: str) -> None:
        if self._gave_up is None:
            self._gave_up_at = time.monotonic()
            self._gave_up = ErrorInfo(
                kind="WorkerError",
                message=sentence,
                action="Check that disks and network drives respond, then run again: finished work is kept.",
                details=self._stderr.decode("utf-8", "replace"),
            )
        self._kill()

    def _last_word(self) -> Finished:
        """How the job ended, for a worker that may not have said so."""
        assert self._process is not None
        for event in self._queue:
            if isinstance(event, Finished):
                return event
        if self._asked_at is not None:
            return self._own_end("cancelled", None)
        if self._gave_up is not None:
            return self._own_end("failed", self._gave_up)
        code = self._process.returncode
        stderr = self._stderr.decode("utf-8", "replace")
        return self._own_end("failed", exit_status.explain(code if code is not None else -9, stderr=stderr))

    def _own_end(self, outcome: str, error: ErrorInfo | None) -> Finished:
        plain = {"run": self._job.run, "outcome": outcome, "error": error, "stage": self._stage}
        return Finished.model_validate(plain)

    def _kill(self) -> None:
        if self._process is not None:
            process_group.kill(self._process)

    # one thread each -----------------------------------------------------------------------------------------

    def _speak(self, line: bytes) -> None:
        """Hand over the job, and later the wish to end it. Blocks as long as the worker does not read."""
        assert self._process is not None and self._process.stdin is not None
        stdin = self._process.stdin
        with contextlib.suppress(OSError), stdin:  # a worker that is gone: its exit tells more than a broken pipe
            stdin.write(line)
            stdin.flush()
            if self._wait_until(lambda: self._asked_at is not None):
                stdin.write(b"cancel\n")
                stdin.flush()
            self._wait_until(lambda: False)

    def _wait_until(self, reached: Callable[[], bool]) -> bool:
        """Wait for ``reached``; False when the process ended, or is no longer wanted, before that."""
        with self._change:
            self._change.wait_for(lambda: reached() or self._closing or self._exited_at is not None)
            return reached()

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        stdout = self._process.stdout
        lines = LineSplitter(limit=_LINE_BYTES)
        while chunk := read(stdout.fileno()):
            self._stall.heard()
            for line in lines.feed(chunk):
                self._take(line)
        self._take(lines.rest())
        with self._change:
            self._end_of_events_at = time.monotonic()
            self._change.notify_all()

    def _take(self, line: bytes) -> None:
        event = self._event(line)
        if event is None:
            return
        with self._change:
            # A worker that is quicker than its listener waits here, instead of filling our memory.
            self._change.wait_for(lambda: len(self._queue) < _QUEUED_EVENTS or self._closing)
            if not self._closing:
                self._queue.append(event)
                self._change.notify_all()

    def _event(self, line: bytes) -> AnyEvent | None:
        if not line.strip():
            return None
        event = decode(line)
        if event is None:
            self._garbage += 1
            return self._garbage_log(line) if self._garbage <= _GARBAGE_LINES else None
        if isinstance(event, Finished) and not event.run:  # the worker could not even read its job
            return event.model_copy(update={"run": self._job.run})
        return event if event.run == self._job.run else None

    def _garbage_log(self, line: bytes) -> Log:
        if self._garbage == _GARBAGE_LINES:
            return Log(run=self._job.run, level="warning", text="Further worker output is omitted.")
        if named := unknown_type(line):
            text = f"The worker sent an unknown message ({named[:60]}); a newer version may support it."
            return Log(run=self._job.run, level="warning", text=text)
        text = line[:_GARBAGE_BYTES].decode("utf-8", "replace")
        return Log(run=self._job.run, text="".join(c if c.isprintable() else " " for c in text).strip())

    def _keep_stderr(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        while chunk := read(self._process.stderr.fileno()):
            self._stall.heard()
            with self._change:
                self._stderr = (self._stderr + chunk)[-_STDERR_BYTES:]
        with self._change:
            self._end_of_stderr = True
            self._change.notify_all()

    def _reap(self) -> None:
        """Wait for the end of the process, take what it started along, and let the system forget it."""
        assert self._process is not None
        process_group.wait_exit(self._process)
        with self._change:
            self._kill()
            self._process.wait()
            self._exited_at = time.monotonic()
            self._change.notify_all()


def _seconds_since(moment: float | None) -> float:
    """Seconds since a moment; minus infinity where it has not come."""
    return time.monotonic() - moment if moment is not None else float("-inf")
