"""What this computer's worker makes of a job that work on a device needs first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from deploy.job import Job
from pqv_core.errors import BenchmarkError, Cancelled, WorkerError
from pqv_core.process.events import Finished, Log, Progress
from pqv_core.process.job import JobBase
from pqv_core.process.worker_client import Worker

_POLL_S = 0.1
_Asked = TypeVar("_Asked", bound=JobBase)


def worker_result(asked: _Asked, job: Job, worker: Callable[[_Asked], Worker], *, missing: str) -> dict[str, Any]:
    """Let a worker do a job; how far it is and what it warns of is said in ``job``, whose end ends the worker.

    Args:
        worker: Makes the worker.
        missing: Sentence for a worker that succeeds and gives nothing.

    Raises:
        BenchmarkError: It failed.
        Cancelled: The person asked for the end.
    """
    with worker(asked) as working, _ending(working, job.cancelled):
        for event in working.events():
            if isinstance(event, Progress) or (isinstance(event, Log) and event.level != "info"):
                job.send(event)
    assert isinstance(event, Finished)
    if event.outcome == "cancelled":
        raise Cancelled
    if event.error is not None:
        raise BenchmarkError(event.error.message, action=event.error.action, details=event.error.details)
    if event.result is None:
        raise WorkerError(missing, action="Try again.")
    return event.result


@contextmanager
def _ending(working: Worker, cancelled: threading.Event) -> Iterator[None]:
    """While inside, the end of the job ends the worker too."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL_S):
            if cancelled.is_set():
                working.cancel()
                return

    thread = threading.Thread(target=watch, name="pqv-worker-end")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
