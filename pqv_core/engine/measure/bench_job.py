"""Measures exported files that a person names, interleaved, on this computer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pqv_core import formats
from pqv_core.engine.context import Context
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.quantize.engines import require_engine
from pqv_core.errors import UsageError
from pqv_core.formats import FileFacts, Format
from pqv_core.process.job import BenchJob
from pqv_core.results import operators
from pqv_core.results.record import Measurement

_DEFAULT_ENGINE = "auto"


class _Read(NamedTuple):
    """A file's format, and what can be said of it."""

    format: Format
    facts: FileFacts


def run(job: BenchJob, context: Context) -> dict[str, object]:
    """Measure the files of ``job``.

    Returns:
        ``environment``, and ``measurements``: by path, one for each engine, number of threads and batch.

    Raises:
        FileFormatError: A file is damaged, or of no format that can be run.
        UsageError: The input's shape is not known.
    """
    context.enter("benchmark")
    context.title = f"pqv bench of {', '.join(Path(file).name for file in job.files)}"
    files = _read(job, context)
    shape = _common_shape(job, files)
    counts = job.threads or (environment.default_threads(),)
    found: dict[str, list[Measurement]] = {file: [] for file in job.files}
    for threads in counts:
        for batch in job.batches or shape[:1]:
            for file, measurement in _loop(job, files, context, threads=threads, shape=(batch, *shape[1:])):
                found[file].append(measurement)
    return {
        "environment": environment.describe(threads=counts[0]).model_dump(mode="json"),
        "measurements": {file: [item.model_dump(mode="json") for item in items] for file, items in found.items()},
    }


def _loop(
    job: BenchJob, described: Mapping[str, _Read], context: Context, *, threads: int, shape: tuple[int, ...]
) -> list[tuple[str, Measurement]]:
    """One interleaved loop over all files and engines."""
    entries = [(file, engine) for file in job.files for engine in job.engines]
    keys = [_key(job, file, engine, threads, shape[0]) for file, engine in entries]
    files = [_exported(key, *entry, described[entry[0]]) for key, entry in zip(keys, entries, strict=True)]
    plan = benchmark.BenchmarkPlan(
        input_shape=shape,
        threads=threads,
        warmup=job.warmup,
        iterations=job.iterations,
        max_seconds=job.max_seconds,
        min_iterations=min(benchmark.MIN_ITERATIONS, job.iterations),
    )
    found = benchmark.measure(files, plan, context=context)
    measured = {key: item for key, (item,) in found.items()}
    if job.profile:
        policies = {key: item.wait_policy for key, item in measured.items()}
        profiles = benchmark.profile(files, input_shape=shape, threads=threads, policies=policies, context=context)
        measured = {
            key: item.model_copy(update={"operators": operators.shared_out(profiles[key], item.median_ns)})
            for key, item in measured.items()
        }
    return [(file, measured[key]) for key, (file, _) in zip(keys, entries, strict=True)]


def _read(job: BenchJob, context: Context) -> dict[str, _Read]:
    """What the files say of themselves, by path; one that an image is not enough for is refused.

    It is said where what they give is no tensor.
    """
    files = {}
    for name in job.files:
        path = Path(name)
        info, facts = formats.read(path, cancelled=context.cancelled.is_set)
        info.check_input(facts, path.name)
        files[name] = _Read(info, facts)
        if given := facts.unusual_result:
            context.log(f"{path.name} gives {given}: its latency is measured, but its outputs cannot be compared.")
    return files


def _key(job: BenchJob, file: str, engine: str, threads: int, batch: int) -> str:
    """A name for events: the file, and what differs between its measurements."""
    several = {
        engine: len(job.engines) > 1,
        f"{threads} threads": len(job.threads) > 1,
        f"batch {batch}": len(job.batches) > 1,
    }
    differing = [words for words, differs in several.items() if differs]
    return f"{file} @ {', '.join(differing)}" if differing else file


def _exported(key: str, file: str, engine: str, read: _Read) -> ExportedFile:
    chosen = str(read.facts.description.get("engine", "")) if engine == _DEFAULT_ENGINE else engine
    if chosen not in ("", "none"):
        require_engine(chosen)
    return ExportedFile(key=key, path=file, format=read.format.key, engine=chosen)


def _common_shape(job: BenchJob, files: Mapping[str, _Read]) -> tuple[int, ...]:
    shapes = {_shape(Path(name), file, job) for name, file in files.items()}
    if len(shapes) > 1:
        raise UsageError(
            "These files take inputs of different shapes and cannot share one measuring loop.",
            action="Measure them one by one.",
        )
    return shapes.pop()


def _shape(path: Path, file: _Read, job: BenchJob) -> tuple[int, ...]:
    """Shape of the fp32 input: as asked for, else as the file says."""
    shape = job.input_shape or file.facts.input_shape
    if shape is None:
        raise UsageError(
            f"{path.name} does not state its input shape.",
            action="Give the shape, for example: --shape 1,3,224,224.",
        )
    return shape
