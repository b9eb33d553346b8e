"""Measures ``.ptl`` files that a person names, interleaved, on this computer."""

from __future__ import annotations

from pathlib import Path

from pqv_core.engine import benchmark, environment, lite
from pqv_core.engine.context import Context
from pqv_core.engine.lite_process import LiteFile
from pqv_core.engine.quantize import require_engine
from pqv_core.errors import UsageError
from pqv_core.job import BenchJob

_DEFAULT_ENGINE = "auto"


def run(job: BenchJob, context: Context) -> dict[str, object]:
    """Measure the files of ``job``.

    Returns:
        ``measurements``: by ``path`` (and ``path @ engine`` where there are several engines).

    Raises:
        ExportError: A file is not a whole ``.ptl``.
        UsageError: The input's shape is not known.
    """
    context.enter("benchmark")
    shapes = {_shape(Path(file), job) for file in job.files}
    if len(shapes) > 1:
        raise UsageError(
            "These files take inputs of different shapes and cannot be compared in one loop.",
            action="Measure them one by one.",
        )
    threads = job.threads or environment.default_threads()
    measurements = benchmark.measure(
        [_lite_file(file, engine, job) for file in job.files for engine in job.engines],
        input_shape=shapes.pop(),
        threads=threads,
        warmup=job.warmup,
        iterations=job.iterations,
        max_seconds=job.max_seconds,
        context=context,
    )
    return {
        "environment": environment.describe(threads=threads).model_dump(mode="json"),
        "measurements": {key: value.model_dump(mode="json") for key, value in measurements.items()},
    }


def _lite_file(file: str, engine: str, job: BenchJob) -> LiteFile:
    described = str(lite.description(Path(file)).get("engine", ""))
    chosen = described if engine == _DEFAULT_ENGINE else engine
    if chosen not in ("", "none"):
        require_engine(chosen)
    key = file if len(job.engines) == 1 else f"{file} @ {engine}"
    return LiteFile(key=key, path=file, engine=chosen)


def _shape(path: Path, job: BenchJob) -> tuple[int, ...]:
    """Shape of the fp32 input (1, C, H, W): as asked for, else as the file says."""
    lite.check_archive(path)
    if job.input_shape:
        return job.input_shape
    size = lite.description(path).get("preprocessing", {}).get("input_size")
    if not isinstance(size, list) or not all(isinstance(n, int) and n > 0 for n in size):
        raise UsageError(
            f"{path.name} does not say which input it takes.",
            action="Give the shape, for example: --shape 1,3,224,224.",
        )
    return (1, *size)
