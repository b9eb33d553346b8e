"""Where the runs of a study are done: one seam, behind which there is this computer, or several."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Protocol

from pqv_core.process.events import AnyEvent, Finished
from pqv_core.process.job import RunJob
from pqv_core.process.worker_client import Worker


class Executor(Protocol):
    """Does runs and tells of them. What a run leaves lies in its folder beside the project when its end is told.

    ``cancel`` and ``kill`` may be called from a signal handler; all else from one thread.

    Attributes:
        slots: Runs that there is room for at a time.
    """

    @property
    def slots(self) -> int: ...

    def begin(self, job: RunJob) -> None:
        """Begin a run; returns at once. How it goes, and that it could not begin, is told by ``next``."""

    def next(self, timeout: float) -> AnyEvent | None:
        """The next event of any run, each of which ends with one ``Finished``; None where there is none in time."""

    def stop(self, run: str) -> None:
        """Ask for the end of one run; returns at once."""

    def cancel(self) -> None:
        """Ask for the end of all runs; returns at once."""

    def kill(self) -> None:
        """End all runs at once."""

    def close(self) -> None:
        """End what is still at work, and leave nothing behind."""


class LocalExecutor:
    """One run at a time in a worker process of this computer.

    Args:
        worker: Makes what does a job.
    """

    slots = 1

    def __init__(self, worker: Callable[[RunJob], Worker] = Worker) -> None:
        self._make = worker
        self._workers: dict[str, Worker] = {}
        self._threads: list[threading.Thread] = []
        self._events: queue.SimpleQueue[AnyEvent] = queue.SimpleQueue()

    def begin(self, job: RunJob) -> None:
        worker = self._workers[job.run] = self._make(job)
        thread = threading.Thread(target=self._listen, args=(worker,), daemon=True, name="pqv-study-run")
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()

    def _listen(self, worker: Worker) -> None:
        with worker:
            for event in worker.events():
                self._events.put(event)

    def next(self, timeout: float) -> AnyEvent | None:
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(event, Finished):
            self._workers.pop(event.run, None)
        return event

    def stop(self, run: str) -> None:
        if run in self._workers:
            self._workers[run].cancel()

    def cancel(self) -> None:
        for worker in list(self._workers.values()):
            worker.cancel()

    def kill(self) -> None:
        for worker in list(self._workers.values()):
            worker.kill()

    def close(self) -> None:
        self.kill()
        for thread in self._threads:
            thread.join()
