"""How long the files take on this computer, and which operators take it."""

from __future__ import annotations

from pathlib import Path

from pqv_core import labels
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.stages.files import artefacts
from pqv_core.engine.stages.work import Result, Stage, Work, machine
from pqv_core.project import plan
from pqv_core.results import wait_policy
from pqv_core.results.record import Measurement


def _benchmark_inputs(work: Work) -> Result:
    return {
        "export": work.keys["export"],
        "measure": work.config.measure.model_dump(mode="json", exclude={"profile", "threads"}),
        "machine": machine(work),  # with the threads
    }


def _benchmark(work: Work, directory: Path) -> Result:
    config = work.config.measure
    plan = benchmark.Plan(
        input_shape=(1, *work.preprocessing.input_size),
        threads=config.threads or environment.default_threads(),
        warmup=config.warmup,
        iterations=config.iterations,
        max_seconds=config.max_seconds,
    )
    files = [artefact.lite_file(work.directories["export"]) for artefact in artefacts(work)]
    found = benchmark.measure(files, plan, context=work.context)
    for file in files:
        if said := wait_policy.as_published(file.key, found[file.key]):
            work.context.log(f"{labels.role(file.key)}, {said}.")
    return {role: [item.model_dump(mode="json") for item in several] for role, several in found.items()}


def measured(work: Work, role: str) -> tuple[Measurement, ...]:
    """What the benchmark of this run has found for an artefact; the quickest is the last."""
    return tuple(Measurement.model_validate(plain) for plain in work.results.get("benchmark", {}).get(role, ()))


def _profile_inputs(work: Work) -> Result | None:
    if not plan.is_needed("profile", work.config):
        return None
    return {"export": work.keys["export"], "policies": _policies(work), "machine": machine(work)}


def _policies(work: Work) -> dict[str, str]:
    """By role, the wait policy of the measurement that counts: what it consists of is profiled."""
    roles = [artefact.role for artefact in artefacts(work)]
    return {role: wait_policy.quickest(measured(work, role)).wait_policy for role in roles}


def _profile(work: Work, directory: Path) -> Result:
    times = benchmark.profile(
        [artefact.lite_file(work.directories["export"]) for artefact in artefacts(work)],
        input_shape=(1, *work.preprocessing.input_size),
        threads=work.config.measure.threads or environment.default_threads(),
        policies=_policies(work),
        context=work.context,
    )
    return {role: [row.model_dump(mode="json") for row in rows] for role, rows in times.items()}


BENCHMARK = Stage("benchmark", _benchmark_inputs, _benchmark, version=4, measures=True)
PROFILE = Stage("profile", _profile_inputs, _profile, version=4, measures=True)
