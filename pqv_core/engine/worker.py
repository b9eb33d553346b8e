"""The worker process: ``python -m pqv_core.engine.worker [--owned]``.

It reads one job as a line of JSON on standard input and writes events as lines of JSON on standard output; what
libraries print goes to standard error. A later line ``cancel`` asks for the end. With ``--owned`` the end of
standard input means that the owner is gone, and the worker goes too. The last event is always one ``finished``;
the exit status is 0 (succeeded), 1 (failed), 2 (no job) or 130 (cancelled).
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial

from pqv_core.engine.context import Context
from pqv_core.errors import Cancelled, PqvError, WorkerError, foreseen, from_os_error
from pqv_core.process import exit_status, inherited, owner
from pqv_core.process import job as jobs
from pqv_core.process.events import Event, Finished, JobStarted, Log, encode
from pqv_core.project import plan

EXIT = {"succeeded": 0, "failed": 1, "cancelled": 130}


def main() -> int:
    """Do one job."""
    not_heeded = inherited.set_aside(os.environ)  # before torch is loaded
    requests = owner.Requests()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # from here on, what is printed cannot mix with the events
    lock = threading.Lock()

    def send(event: Event) -> None:
        with lock:
            stream.write(encode(event) + "\n")

    try:
        job = jobs.decode(requests.line() or b"")
    except PqvError as error:
        send(Finished(outcome="failed", error=error.info()))
        return error.exit_code
    cancelled = threading.Event()
    requests.listen(
        lambda line: cancelled.set() if line.strip() == b"cancel" else None,
        gone=owner.end if "--owned" in sys.argv[1:] else lambda: None,
    )

    def say(event: Event) -> None:
        send(event)
        if not_heeded and isinstance(event, JobStarted):
            send(Log(run=job.run, text=inherited.sentence(not_heeded)))

    finished = outcome(job, say, cancelled)
    try:
        send(finished)
    except BrokenPipeError:  # nobody listens any more
        return owner.GONE
    return EXIT[finished.outcome]


def outcome(job: jobs.Job, send: Callable[[Event], None], cancelled: threading.Event) -> Finished:
    """Do the job and say how it ended: the outermost boundary of this process."""
    context = Context(run=job.run, send=send, cancelled=cancelled)
    try:
        result = _do(job, context)
    except Cancelled:
        return Finished(run=job.run, outcome="cancelled", stage=context.stage)
    except Exception as error:  # noqa: BLE001
        translated = _translated(error)
        return Finished(run=job.run, outcome="failed", error=translated.info(), stage=context.stage)
    return Finished(run=job.run, outcome="succeeded", result=result)


def _do(job: jobs.Job, context: Context) -> dict[str, object] | None:
    context.enter(plan.START)
    with context.part("torch"):  # takes seconds to import: the job is taken first
        function = _function_for(job, context)
    context.enter("")
    return function()


def _function_for(job: jobs.Job, context: Context) -> Callable[[], dict[str, object] | None]:
    if isinstance(job, jobs.RunJob):
        from pqv_core.engine import pipeline

        return partial(pipeline.run, job, context)
    if isinstance(job, jobs.AnswerJob):
        from pqv_core.engine.measure import answer_job

        return lambda: answer_job.run(job, context).model_dump(mode="json")
    if isinstance(job, jobs.TryJob):
        from pqv_core.engine.measure import try_job

        return lambda: try_job.run(job, context).model_dump(mode="json")
    if isinstance(job, jobs.LatencyJob):
        from pqv_core.engine.latency import measuring

        return lambda: measuring.run(job, context).model_dump(mode="json")
    if isinstance(job, jobs.ProbesJob):
        from pqv_core.engine.latency import measuring

        return lambda: measuring.run_probes(job, context).model_dump(mode="json")
    if isinstance(job, jobs.ProbeJob):
        from pqv_core.engine.measure import probe

        return lambda: probe.run().model_dump(mode="json")
    from pqv_core.engine.measure import bench_job

    return partial(bench_job.run, job, context)


def _translated(error: Exception) -> PqvError:
    if known := foreseen(error):
        return known
    text = str(error)
    details = traceback.format_exc()
    if isinstance(error, MemoryError) or exit_status.is_about_memory(text):
        return WorkerError(
            "There is not enough memory for this step.",
            action="Close other programs, choose a smaller batch or a smaller model, or raise a limit that is set "
            "(ulimit -v), and run again.",
            details=details,
        )
    if "can't start new thread" in text:
        return from_os_error(OSError(errno.EAGAIN, text))
    if "No space left on device" in text:
        return WorkerError(
            "The disk is full.",
            action="Free some space, then run again: finished work is kept.",
            details=details,
        )
    return WorkerError(
        f"An unexpected error stopped the job: {text.splitlines()[0][:200] if text else type(error).__name__}.",
        action="Copy the details into a bug report.",
        details=details,
    )


if __name__ == "__main__":
    sys.exit(main())
