"""A run whose fine-tuning is shared by many processes, on one machine or several:

    accelerate launch --num_processes 4 -m pqv_core.engine.launch PROJECT.pqv

The first process does what ``pqv run`` does and prints the same events, one line of JSON each; the others take part in
fine-tuning. The exit status is 0 (succeeded), 1 (failed) or 130 (cancelled).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from pqv_core import owner, runs
from pqv_core import project as projects
from pqv_core.config import RunConfig
from pqv_core.engine import crew, devices, worker
from pqv_core.engine.context import Context
from pqv_core.engine.readers import Readers
from pqv_core.errors import Cancelled, PqvError
from pqv_core.events import Event, encode


def main() -> int:
    """Take this process's part."""
    parser = argparse.ArgumentParser(prog="accelerate launch -m pqv_core.engine.launch", description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--fresh", action="store_true", help="take nothing over from earlier runs")
    arguments = parser.parse_args()
    project: Path = arguments.project.resolve()
    owner.end_with_launcher()
    try:
        config = projects.load(project).config
        devices.accelerator(config.finetune)  # meets the other processes
        return _lead(project, config, fresh=arguments.fresh) if crew.is_first() else _follow(config)
    except PqvError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _lead(project: Path, config: RunConfig, *, fresh: bool) -> int:
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # from here on, what libraries print cannot mix with the events

    def say(event: Event) -> None:
        stream.write(encode(event) + "\n")

    cancelled = threading.Event()
    signal.signal(signal.SIGINT, lambda number, frame: cancelled.set())
    job = runs.job(project, fresh=fresh)
    finished = worker.outcome(job, say, cancelled)
    if finished.outcome == "succeeded":
        crew.dismiss(config.finetune)
    say(finished)
    return worker.EXIT[finished.outcome]


def _follow(config: RunConfig) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends all
    context = Context(run="", send=lambda event: None)
    try:
        with Readers(config.data.readers, sharing=crew.size_here()) as context.readers:
            crew.follow(config.finetune, context)
    except Cancelled:
        return worker.EXIT["cancelled"]
    except RuntimeError as error:  # the connection is lost when the first process ends early; it says why
        print(str(error).partition("\n")[0], file=sys.stderr)
        return worker.EXIT["failed"]
    return worker.EXIT["succeeded"]


if __name__ == "__main__":
    sys.exit(main())
