"""The only QThreads of the window: one that owns a worker process, and short tasks beside it.

Events of a worker are collected by its thread and handed to the window about ten times a second, in batches.
"""

from __future__ import annotations

import gc
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from pqv_core.errors import Cancelled, ErrorInfo, PqvError, foreseen
from pqv_core.process import events
from pqv_core.process.job import Job
from pqv_core.process.worker_client import Worker
from pqv_gui.services.mailbox import Mailbox

BATCH_MS = 100
BATCH_EVENTS = 400
"""Most events handed over at once: what a chart and a log take in well below a frame."""

_PROGRESS_S = 0.1


def in_words(error: Exception) -> ErrorInfo:
    """What a person is told about an error, foreseen or not."""
    if known := foreseen(error):
        return known.info()
    return ErrorInfo(
        kind=type(error).__name__,
        message="An unexpected error occurred.",
        action="Copy the details into a bug report; your project is saved.",
        details="".join(traceback.format_exception(error)),
    )


def refused(work: Callable[[], object]) -> PqvError | None:
    """Do ``work`` as the outermost thing that a thread does; what kept it from being done, foreseen or not."""
    try:
        work()
    except Exception as error:  # noqa: BLE001
        if known := foreseen(error):
            return known
        info = in_words(error)
        return PqvError(info.message, action=info.action, details=info.details)
    return None


class _JobThread(QThread):
    """Listens to one worker process until its last event."""

    def __init__(self, parent: QObject, job: Job, command: Sequence[str] | None) -> None:
        super().__init__(parent)
        self._job = job
        self._worker = Worker(job, command=command)
        self._mailbox: Mailbox[events.AnyEvent] = Mailbox()

    def run(self) -> None:
        """The thread's work; ends once the worker is gone."""
        last: events.AnyEvent | None = None
        try:
            with self._worker as worker:
                for last in worker.events():
                    self._mailbox.put(last)
        except Exception as error:  # noqa: BLE001 - the outermost boundary of this thread
            last = None
            failure = in_words(error)
        else:
            failure = in_words(RuntimeError("the worker ended without a result"))
        if not isinstance(last, events.Finished):
            self._mailbox.put(events.Finished(run=self._job.run, outcome="failed", error=failure))

    def take(self, limit: int) -> list[events.AnyEvent]:
        """Up to ``limit`` events that have come since the last call."""
        return self._mailbox.take(limit)

    def cancel(self) -> None:
        """Ask the worker to end."""
        self._worker.cancel()

    def abandon(self) -> None:
        """Ask the worker to end, and wait for nobody to take its events."""
        self._mailbox.close()
        self.cancel()


class JobRunner(QObject):
    """Runs one job at a time.

    Args:
        command: Program to start instead of the worker of this installation.
    """

    batch = Signal(list)
    ended = Signal(object)  # events.Finished
    active_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None, *, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._command = command
        self._thread: _JobThread | None = None
        self._last: events.Finished | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(BATCH_MS)
        self._timer.timeout.connect(self._hand_over)

    @property
    def active(self) -> bool:
        """Whether a job is going."""
        return self._thread is not None

    def start(self, job: Job) -> None:
        """Start a job; its last event is followed by ``ended``."""
        if self._thread is not None:
            raise RuntimeError("a job is already running")
        self._thread = _JobThread(self, job, self._command)
        # A full collection of garbage stops the window for a tenth of a second: what is there now is left out of it.
        gc.freeze()
        self._thread.start()
        self._timer.start()
        self.active_changed.emit(True)

    def cancel(self) -> None:
        """Ask for the end of the job; a worker that does not listen is killed within a second."""
        if self._thread is not None:
            self._thread.cancel()

    def close(self) -> None:
        """End the job, if there is one, and wait until nothing of it is left."""
        if self._thread is not None:
            self._thread.abandon()
            self._thread.wait()
            self._timer.stop()
            self._thread.deleteLater()
            self._thread, self._last = None, None
            gc.unfreeze()

    @Slot()
    def _hand_over(self) -> None:
        thread = self._thread
        if thread is None:
            return
        batch = thread.take(BATCH_EVENTS)
        if batch:
            if isinstance(batch[-1], events.Finished):
                self._last = batch[-1]
            self.batch.emit(batch)
        elif self._last is not None and thread.isFinished():  # the worker process is reaped as well
            self._timer.stop()
            last, self._last = self._last, None
            thread.deleteLater()
            self._thread = None
            gc.unfreeze()
            self.active_changed.emit(False)
            self.ended.emit(last)


class Progressing(Protocol):
    """What a task is given: where to say how far it is, and whether it is still wanted."""

    def progress(self, done: int, total: int) -> None:
        """So much is done."""

    def cancelled(self) -> bool:
        """Whether the result is no longer wanted."""

    def say(self, what: object) -> None:
        """Hand something to the window before the end; for what comes seldom."""

    def pause(self, seconds: float) -> None:
        """Let time pass, or less when the result is no longer wanted."""


class _Task(QThread):
    """One function in a thread of its own."""

    progressed = Signal(int, int)
    said = Signal(object)

    def __init__(self, parent: QObject, work: Callable[[Progressing], Any]) -> None:
        super().__init__(parent)
        self._work = work
        self._told = float("-inf")
        self._declined = threading.Event()
        self.result: Any = None
        self.error: ErrorInfo | None = None

    def run(self) -> None:
        """The thread's work."""
        try:
            self.result = self._work(self)
        except Cancelled:
            self.decline()
        except Exception as error:  # noqa: BLE001 - the outermost boundary of this thread
            self.error = in_words(error)

    def progress(self, done: int, total: int) -> None:
        """Tell the window, about ten times a second."""
        now = time.monotonic()
        if now - self._told >= _PROGRESS_S:
            self._told = now
            self.progressed.emit(done, total)

    def say(self, what: object) -> None:
        """Hand something to the window."""
        self.said.emit(what)

    def decline(self) -> None:
        """The result is no longer wanted."""
        self._declined.set()

    def cancelled(self) -> bool:
        """Whether the result is no longer wanted."""
        return self._declined.is_set()

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self._declined.wait(seconds)


class Handle:
    """A task that was started; its result can be declined."""

    def __init__(self, task: _Task) -> None:
        self._task: _Task | None = task

    def cancel(self) -> None:
        """Decline the result."""
        if self._task is not None:
            self._task.decline()

    def _over(self) -> None:
        self._task = None


class Tasks(QObject):
    """Work that takes longer than a frame, done beside the window. Results arrive in the window's thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: dict[_Task, tuple[Handle, Callable[[Any], None], Callable[[ErrorInfo], None]]] = {}
        self._progress: dict[_Task, Callable[[int, int], None]] = {}
        self._said: dict[_Task, Callable[[Any], None]] = {}

    def start(
        self,
        work: Callable[[Progressing], Any],
        *,
        done: Callable[[Any], None],
        failed: Callable[[ErrorInfo], None],
        progress: Callable[[int, int], None] | None = None,
        said: Callable[[Any], None] | None = None,
    ) -> Handle:
        """Do ``work`` in a thread; then call ``done`` with what it returned, or ``failed``.

        Args:
            said: Called with each thing that the work says meanwhile.
        """
        task = _Task(self, work)
        handle = Handle(task)
        self._running[task] = (handle, done, failed)
        if progress is not None:
            self._progress[task] = progress
        if said is not None:
            self._said[task] = said
        task.said.connect(self._on_said, Qt.ConnectionType.QueuedConnection)
        task.progressed.connect(self._on_progress, Qt.ConnectionType.QueuedConnection)
        task.finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)
        task.start()
        return handle

    @property
    def active(self) -> int:
        """How many tasks are going."""
        return len(self._running)

    @Slot(int, int)
    def _on_progress(self, done: int, total: int) -> None:
        task = self.sender()
        if isinstance(task, _Task) and task in self._progress and not task.cancelled():
            self._progress[task](done, total)

    @Slot(object)
    def _on_said(self, what: object) -> None:
        task = self.sender()
        if isinstance(task, _Task) and task in self._said and not task.cancelled():
            self._said[task](what)

    @Slot()
    def _on_finished(self) -> None:
        task = self.sender()
        if not isinstance(task, _Task) or task not in self._running:
            return
        handle, done, failed = self._running.pop(task)
        self._progress.pop(task, None)
        self._said.pop(task, None)
        handle._over()
        wanted = not task.cancelled()
        result, error = task.result, task.error
        task.deleteLater()
        if wanted and error is not None:
            failed(error)
        elif wanted:
            done(result)

    def close(self) -> None:
        """Decline all results and wait for the threads."""
        for task in tuple(self._running):
            task.decline()
        for task in tuple(self._running):
            task.wait()
            task.deleteLater()
        self._running.clear()
        self._progress.clear()
        self._said.clear()
