"""A latency table of this computer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import RunConfig
from pqv_core.config.budget import LOCAL
from pqv_core.engine.context import Context
from pqv_core.engine.latency import writing
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.models import create as models
from pqv_core.latency import levels, probe_files, store
from pqv_core.latency.probe_files import Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import LatencyTable, Subject
from pqv_core.process import machine
from pqv_core.process.job import LatencyJob, ProbesJob

_ITERATIONS = 20
_MAX_SECONDS = 10.0
_WRITTEN, _TIMED = 0.5, 0.8  # shares of the time at which each is done, about


def run(job: LatencyJob, context: Context) -> LatencyTable:
    """Measure the table that a job asks for, and keep it.

    Raises:
        PqvError: As ``kept``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    return kept(_model(job), job.config, job.format, context)


def run_probes(job: ProbesJob, context: Context) -> ProbeFiles:
    """Write the files that a job asks for.

    Raises:
        PqvError: As ``writing.write``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    return writing.write(_model(job), job.config, job.format, Folder(Path(job.folder)), context, more=job.more)


def _model(job: ProbesJob | LatencyJob) -> nn.Module:
    torch.manual_seed(0)
    return models.base(job.config.model, num_classes=None).create().eval()


def kept(
    model: nn.Module,
    config: RunConfig,
    form: str,
    context: Context,
    *,
    unless: Callable[[], LatencyTable | None] = lambda: None,
) -> LatencyTable:
    """Measure the table of a model on this computer and keep it, while no other process measures the same.

    Args: as ``writing.write``.
        unless: Asked once it is this one's turn: a table that will do.

    Raises:
        PqvError: As ``measured``; or the table cannot be kept.
        Cancelled: The end was asked for.
    """
    work = context.title or f"the job {context.run}"
    turn = store.at_work(
        config, form, on=LOCAL, work=work, say=context.log, warn=context.warn, check=context.check_cancelled
    )
    with turn as folder:
        table = unless()
        if table is None:
            table = measured(model, config, form, folder, context)
            store.keep(table)
    return table


def measured(model: nn.Module, config: RunConfig, form: str, folder: Folder, context: Context) -> LatencyTable:
    """Measure the table of a model on this computer; at more widths where its curves bend.

    Args: as ``writing.write``.

    Raises:
        PqvError: As ``writing.write`` and ``_measured``.
        Cancelled: The end was asked for.
    """
    with context.part("probes", 0.0, _WRITTEN):
        files = writing.write(model, config, form, folder, context)
    with context.part("timing", _WRITTEN, _TIMED):
        table = _measured(files, folder, config, context)
    for start, end in itertools.pairwise((_TIMED, (1 + _TIMED) / 2, 1.0)):
        more = levels.bends(table)
        if not more:
            break
        with context.part("probes", start, (start + end) / 2):
            files = writing.write(model, config, form, folder, context, more=more)
        with context.part("timing", (start + end) / 2, end):
            table = _measured(files, folder, config, context)
    return table


def _measured(files: ProbeFiles, folder: Folder, config: RunConfig, context: Context) -> LatencyTable:
    """Time the files on this computer; the loops that came to their end are not repeated.

    Raises:
        BenchmarkError: A file could not be run.
        Cancelled: The end was asked for.
    """
    left = folder.left(files)
    for place, loop in enumerate(left):
        with context.part("timing", place / len(left), (place + 1) / len(left)):
            folder.add(timed(loop, files.subject, folder.path, config, context))
    threads = config.measure.threads or environment.default_threads()
    here = environment.describe(threads=threads)
    return probe_files.assemble(
        files,
        folder.measured(),
        subject=files.subject.model_copy(update=place_of(config)),
        device=here.processor,
        serial=machine.node(),
        versions=store.versions(),
    )


def place_of(config: RunConfig) -> dict[str, str | int]:
    """What a subject says of this computer."""
    threads = config.measure.threads or environment.default_threads()
    here = environment.describe(threads=threads)
    return {
        "device": f"{here.processor}, {here.cores} cores, {here.cpu_capability}",
        "runtime": f"torch {here.versions['torch']}",
        "threads": threads,
    }


def timed(
    files: list[ProbeFile], subject: Subject, folder: Path, config: RunConfig, context: Context
) -> dict[str, list[int]]:
    """Samples of files that take turns in one loop, by their keys."""
    plan = benchmark.BenchmarkPlan(
        input_shape=files[0].input_shape,
        threads=config.measure.threads or environment.default_threads(),
        warmup=2,
        iterations=_ITERATIONS,
        max_seconds=_MAX_SECONDS,
    )
    exported = [
        ExportedFile(
            key=file.key,
            path=str(folder / file.name),
            format=subject.format,
            engine=subject.engine,
            input_shape=file.input_shape,
        )
        for file in files
    ]
    return benchmark.samples(exported, plan, context=context)
