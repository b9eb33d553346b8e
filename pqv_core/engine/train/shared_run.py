"""A run whose fine-tuning is shared by many processes, as ``pqv_core.engine.train.launch`` is given it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pqv_core.config import RunConfig
from pqv_core.engine import worker
from pqv_core.engine.context import Context
from pqv_core.engine.data.readers import Readers
from pqv_core.engine.train import devices, distributed
from pqv_core.errors import Cancelled, PqvError, WorkerError
from pqv_core.process import owner
from pqv_core.process.events import Event, Finished, encode
from pqv_core.process.stall import StallDetector
from pqv_core.project import project_file as projects
from pqv_core.project import runs

_STALL_S = 600.0  # a step waits for the slowest process


def main(project: Path, *, fresh: bool) -> int:
    """Take this process's part; returns the exit status."""
    try:
        config = projects.load(project).config
        devices.accelerator(config.finetune)  # meets the other processes
        return _lead(project, config, fresh=fresh) if distributed.is_main_process() else _follow(config)
    except PqvError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except RuntimeError as error:  # torch's own, for an address that is taken or does not answer
        print(f"The processes could not connect: {str(error).partition(chr(10))[0]}", file=sys.stderr)
        return WorkerError.exit_code


def _lead(project: Path, config: RunConfig, *, fresh: bool) -> int:
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # from here on, what libraries print cannot mix with the events

    watch = StallDetector(os.getpid(), stall_s=_STALL_S)

    def say(event: Event) -> None:
        watch.heard()
        stream.write(encode(event) + "\n")

    cancelled = threading.Event()
    signal.signal(signal.SIGINT, lambda number, frame: cancelled.set())
    job = runs.job(project, fresh=fresh)
    over = threading.Event()
    threading.Thread(target=_end_when_stalled, args=(watch, over, job.run, say), daemon=True).start()
    finished = worker.outcome(job, say, cancelled)
    if finished.outcome == "succeeded":
        distributed.release_followers(config.finetune)
    over.set()
    say(finished)
    return worker.EXIT[finished.outcome]


def _end_when_stalled(watch: StallDetector, over: threading.Event, run: str, say: Callable[[Event], None]) -> None:
    while not (silent := watch.seconds()):
        if over.wait(1):
            return
    error = WorkerError(
        f"The run made no progress for {silent:.0f} s: its first process was silent and idle.",
        action="Check that all machines, disks and network drives respond, then run again: finished work is kept.",
    )
    try:
        say(Finished(run=run, outcome="failed", error=error.info()))
    finally:
        owner.leave(worker.EXIT["failed"])  # whoever launched it ends the others


def _follow(config: RunConfig) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends all
    context = Context(run="", send=lambda event: None)
    try:
        with Readers(config.data.readers, sharing=distributed.local_world_size()) as context.readers:
            distributed.train_as_follower(config.finetune, context)
    except Cancelled:
        return worker.EXIT["cancelled"]
    except RuntimeError as error:  # the connection is lost when the first process ends early; it says why
        print(str(error).partition("\n")[0], file=sys.stderr)
        return worker.EXIT["failed"]
    return worker.EXIT["succeeded"]
