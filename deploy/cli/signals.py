"""What the first Ctrl-C or SIGTERM does while work on phones runs; the second is an ordinary one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from deploy.job import Job
from pqv_core.cli import signals

_ENDING = b"\nEnding the measurement ...\n"


def ending(jobs: Sequence[Job]) -> contextlib.AbstractContextManager[None]:
    """The first signal asks all jobs for their end; the second is an ordinary KeyboardInterrupt."""

    def ask() -> None:
        for job in jobs:
            job.cancelled.set()

    def force() -> None:
        raise KeyboardInterrupt

    return signals.ending(ask, force=force, notice=_ENDING)
