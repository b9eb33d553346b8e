"""Does one job from the command line: shows or prints its events, and ends it cleanly on Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable

from pqv_core.cli import progress_view as cli_progress
from pqv_core.cli.signals import ending
from pqv_core.process.events import Finished, encode
from pqv_core.process.job import Job, RunJob
from pqv_core.process.worker_client import Worker
from pqv_core.project import plan

_ENDING = b"\nEnding the job ... (Ctrl-C again: at once)\n"


def do(job: Job, *, as_json: bool, worker: Callable[[Job], Worker] = Worker) -> Finished:
    """Do a job in a worker process and return how it ended.

    The first Ctrl-C asks for the end, the second kills. With ``as_json`` every event is a line on standard output.
    """
    planned = plan.of(job) if isinstance(job, RunJob) else ()
    working = worker(job)
    with (
        ending(working.cancel, force=working.kill, notice=_ENDING),  # first: it may be meant for a worker that starts
        working,
        cli_progress.view(planned) as view,
    ):
        for event in working.events():
            if as_json:
                print(encode(event), flush=True)
            view.show(event)
    assert isinstance(event, Finished)
    return event
