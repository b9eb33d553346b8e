"""A latency table of a device: what each part of a model costs there at each width that it could be cut to.

This computer writes the files, the device runs them, a few of one curve and the uncut model in turns. What was written
and what was measured lies in a folder until the table is whole, so a phone that leaves, or a process that is killed,
loses no more than the loop that was at work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from deploy.job import Job
from deploy.measure.device_bench import BenchRequest, BenchResult, DeviceBench
from deploy.measure.steps import PhoneConfig
from deploy.measure.worker_result import worker_result
from pqv_core import formatting
from pqv_core.config import RunConfig, with_settings
from pqv_core.config.budget import LOCAL
from pqv_core.errors import BenchmarkError, PqvError
from pqv_core.latency import levels, probe_files, store
from pqv_core.latency.probe_files import DENSE, Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import LatencyTable, Samples
from pqv_core.process.events import Event, Progress, StageFinished, StageStarted
from pqv_core.process.job import ProbesJob
from pqv_core.process.worker_client import Worker
from pqv_core.project import plan

_THREADS = 4
_REFINED = 2  # times that more widths are measured where a curve bends

ProbesWorker = Callable[[ProbesJob], Worker]


def phone_config(config: RunConfig, threads: int | None) -> PhoneConfig:
    """How the files of a table are measured.

    Args:
        threads: None for those of the project, or as many as phones are measured with.
    """
    wanted = threads or config.measure.threads or _THREADS
    return PhoneConfig(threads=(wanted,), warmup=2, iterations=20, max_seconds=10.0)


def is_missing(config: RunConfig, *, threads: int | None) -> bool:
    """Whether the table of a device by which a run keeps its budget is still to be measured.

    Args:
        threads: None for those of the project, or any number.
    """
    if not plan.is_needed("latency", config) or config.budget.on == LOCAL:
        return False
    return kept(config, threads=threads) is None


def kept(config: RunConfig, *, threads: int | None) -> LatencyTable | None:
    """The table by which a run keeps its budget; None where it is still to be measured.

    Args: as ``is_missing``.
    """
    form, wanted = config.export.formats[0], threads or config.measure.threads
    return store.find(config, form, on=config.budget.on, threads=wanted)


def measured(
    config: RunConfig,
    form: str,
    bench: DeviceBench,
    *,
    worker: ProbesWorker = Worker,
    unless: Callable[[], LatencyTable | None] = lambda: None,
) -> LatencyTable:
    """Measure the table of a project's model on a device, and keep it; what was measured earlier is not repeated.

    Args:
        config: For devices of this kind (``export.target``).
        form: Key of one of its formats; the scheme is that of the run's results.
        bench: With one number of threads.
        unless: Asked once no other process measures the same: a table that will do.

    Raises:
        BenchmarkError: A file cannot be written, or not be run there.
        PqvError: The device was lost, or became too hot.
        Cancelled: The person asked for the end.
    """
    (threads,) = bench.config.threads
    config, job = with_settings(config, {"measure.threads": threads}), bench.job
    warn = partial(job.log, level="warning")
    work = f"pqv latency of {config.model.name}"
    with store.at_work(config, form, on=bench.name, work=work, say=job.log, warn=warn, check=job.check) as folder:
        found = unless()
        if found is None:
            found = measured_in(folder, config, form, bench, worker=worker)
            store.keep(found)
    return found


def measured_in(
    folder: Folder, config: RunConfig, form: str, bench: DeviceBench, *, worker: ProbesWorker = Worker
) -> LatencyTable:
    """The same, not kept; files and what was measured stay in a folder.

    Args:
        config: With the threads of the bench.
    """
    asked = ProbesJob(run=bench.job.run, config=config, format=form, folder=str(folder.path))
    files = _written(asked, bench.job, worker)
    dense = next(file for file in files.files if file.key == DENSE)
    info, runtime = bench.runtime(_request(dense, folder))

    def table() -> LatencyTable:
        return probe_files.assemble(
            files,
            folder.measured(),
            subject=files.subject.model_copy(
                update={"device": info.sort, "runtime": runtime, "threads": config.measure.threads}
            ),
            device=info.name,
            serial=bench.name,
            versions=store.versions(),
        )

    with bench.keeping() as keeping:
        _measure(files, folder, keeping, bench.job)
        for _ in range(_REFINED):
            more = {name: tuple(widths) for name, widths in levels.bends(table()).items()}
            if not more:
                break
            files = _written(asked.model_copy(update={"more": more}), bench.job, worker)
            _measure(files, folder, keeping, bench.job)
    return table()


def _written(asked: ProbesJob, job: Job, worker: ProbesWorker) -> ProbeFiles:
    job.log("Writing parts of the model on this computer.")
    return ProbeFiles.model_validate(worker_result(asked, job, worker, missing="The parts of the model are missing."))


def _request(file: ProbeFile, folder: Folder) -> BenchRequest:
    return BenchRequest(folder.path / file.name, role=file.key, input_shape=file.input_shape)


def _measure(files: ProbeFiles, folder: Folder, bench: DeviceBench, job: Job) -> None:
    """Measure the loops that are left."""
    left = folder.left(files)
    job.enter("measure")
    bench = replace(bench, job=_quiet(job))
    for place, loop in enumerate(left, 1):
        job.progress(place - 1, len(left), unit="loops")
        job.log(f"Loop {place} of {len(left)}: {_loop_words(loop)}.")
        folder.add(samples(loop, folder, bench))
    job.leave()


def _quiet(job: Job) -> Job:
    """The same job for the files of a loop: of their stages nothing is told but how long a cool phone is waited for."""

    def send(event: Event) -> None:
        waits = isinstance(event, Progress) and event.stage == "cool"
        if waits or not isinstance(event, StageStarted | StageFinished | Progress):
            job.send(event)

    return replace(job, send=send)


def _loop_words(loop: Sequence[ProbeFile]) -> str:
    """What takes turns with the uncut model."""
    last = loop[-1]
    narrower = f" with an embedding of {last.embedding:,}" if last.embedding is not None else ""
    if last.is_model:
        return f"the model{narrower}"
    if last.blocks:
        return formatting.counted(len(loop) - 1, "whole block") + narrower
    return f"{', '.join(last.units)} at {formatting.counted(len(loop) - 1, 'width')}{narrower}"


def samples(loop: Sequence[ProbeFile], folder: Folder, bench: DeviceBench) -> dict[str, Samples]:
    """Of files that take turns on the device, by key.

    Raises:
        BenchmarkError: A file cannot be run there.
        PqvError: The device was lost, or became too hot.
        Cancelled: The person asked for the end.
    """
    results: dict[Path, BenchResult] = {}
    failures: dict[Path, PqvError] = {}
    requests = {file.key: _request(file, folder) for file in loop}
    bench.bench_all(tuple(requests.values()), loop="", results=results, failures=failures)
    for file in loop:
        if failure := failures.get(folder.path / file.name):
            raise _failed(file, failure)
    for warning in dict.fromkeys(text for result in results.values() for text in result.warnings):
        bench.job.log(warning, level="warning")
    return _by_key(requests, results)


def _by_key(requests: Mapping[str, BenchRequest], results: Mapping[Path, BenchResult]) -> dict[str, Samples]:
    return {key: results[request.file].measurements[0].samples_ns for key, request in requests.items()}


def _failed(file: ProbeFile, error: PqvError) -> BenchmarkError:
    """Why a table cannot be measured, with the part that is in the way."""
    return BenchmarkError(
        f"{file.words} cannot be measured on this device: {error.message}", action=error.action, details=error.details
    )
