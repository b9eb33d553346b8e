"""How long the files take on this computer, and which operators take it."""

from __future__ import annotations

from pathlib import Path

from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.stages.exporting import artefacts
from pqv_core.engine.stages.stage import Result, Stage, Work, machine
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
    made = artefacts(work)
    files = [artefact.exported(work.directories["export"]) for artefact in made]
    found = benchmark.measure(files, plan, context=work.context)
    for artefact in made:
        if said := wait_policy.as_published(artefact.spec, found[artefact.key]):
            work.context.log(f"{artefact.spec.label}, {said}.")
    return {key: [item.model_dump(mode="json") for item in several] for key, several in found.items()}


def measured(work: Work, key: str) -> tuple[Measurement, ...]:
    """What the benchmark of this run has found for an artefact; the quickest is the last."""
    return tuple(Measurement.model_validate(plain) for plain in work.results.get("benchmark", {}).get(key, ()))


def _profile_inputs(work: Work) -> Result | None:
    if not plan.is_needed("profile", work.config):
        return None
    return {"export": work.keys["export"], "policies": _policies(work), "machine": machine(work)}


def _policies(work: Work) -> dict[str, str]:
    """By artefact, the wait policy of the measurement that counts: what it consists of is profiled."""
    keys = [artefact.key for artefact in artefacts(work)]
    return {key: wait_policy.quickest(measured(work, key)).wait_policy for key in keys}


def _profile(work: Work, directory: Path) -> Result:
    times = benchmark.profile(
        [artefact.exported(work.directories["export"]) for artefact in artefacts(work)],
        input_shape=(1, *work.preprocessing.input_size),
        threads=work.config.measure.threads or environment.default_threads(),
        policies=_policies(work),
        context=work.context,
    )
    return {key: [row.model_dump(mode="json") for row in rows] for key, rows in times.items()}


BENCHMARK = Stage("benchmark", _benchmark_inputs, _benchmark, version=4, measures=True)
PROFILE = Stage("profile", _profile_inputs, _profile, version=4, measures=True)
