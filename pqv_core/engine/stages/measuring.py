"""How long the files take on this computer, and which operators take it."""

from __future__ import annotations

from pathlib import Path

from pqv_core.engine import benchmark, environment
from pqv_core.engine.stages.files import artefacts
from pqv_core.engine.stages.work import Result, Stage, Work, machine


def _benchmark_inputs(work: Work) -> Result:
    return {
        "export": work.keys["export"],
        "measure": work.config.measure.model_dump(mode="json", exclude={"profile"}),
        "machine": machine(work),
    }


def _benchmark(work: Work, directory: Path) -> Result:
    config = work.config.measure
    measurements = benchmark.measure(
        [artefact.lite_file(work.directories["export"]) for artefact in artefacts(work)],
        input_shape=(1, *work.preprocessing.input_size),
        threads=config.threads or environment.default_threads(),
        warmup=config.warmup,
        iterations=config.iterations,
        max_seconds=config.max_seconds,
        context=work.context,
    )
    return {role: measurement.model_dump(mode="json") for role, measurement in measurements.items()}


def _profile_inputs(work: Work) -> Result | None:
    if not work.config.measure.profile:
        return None
    return {"export": work.keys["export"], "machine": machine(work)}


def _profile(work: Work, directory: Path) -> Result:
    times = benchmark.profile(
        [artefact.lite_file(work.directories["export"]) for artefact in artefacts(work)],
        input_shape=(1, *work.preprocessing.input_size),
        threads=work.config.measure.threads or environment.default_threads(),
        context=work.context,
    )
    return {role: [row.model_dump(mode="json") for row in rows] for role, rows in times.items()}


BENCHMARK = Stage("benchmark", _benchmark_inputs, _benchmark, version=3)
PROFILE = Stage("profile", _profile_inputs, _profile, version=3)
