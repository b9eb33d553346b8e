"""How long the files take on this computer, and which operators take it."""

from __future__ import annotations

from pathlib import Path

from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.stages.exporting import artifacts
from pqv_core.engine.stages.stage import Result, RunState, Stage, machine
from pqv_core.project import plan
from pqv_core.results import wait_policy
from pqv_core.results.record import Measurement


def _benchmark_inputs(state: RunState) -> Result:
    return {
        "export": state.keys["export"],
        "measure": state.config.measure.model_dump(mode="json", exclude={"profile", "threads"}),
        "machine": machine(state),  # with the threads
    }


def _benchmark(state: RunState, directory: Path) -> Result:
    config = state.config.measure
    plan = benchmark.BenchmarkPlan(
        input_shape=(1, *state.preprocessing.input_size),
        threads=config.threads or environment.default_threads(),
        warmup=config.warmup,
        iterations=config.iterations,
        max_seconds=config.max_seconds,
    )
    made = artifacts(state)
    files = [artifact.exported(state.directories["export"]) for artifact in made]
    found = benchmark.measure(files, plan, context=state.context)
    for artifact in made:
        if note := wait_policy.as_published(artifact.spec, found[artifact.key]):
            state.context.log(f"{artifact.spec.label}, {note}.")
    return {key: [item.model_dump(mode="json") for item in several] for key, several in found.items()}


def measured(state: RunState, key: str) -> tuple[Measurement, ...]:
    """What the benchmark of this run has found for an artefact; the quickest is the last."""
    return tuple(Measurement.model_validate(plain) for plain in state.results.get("benchmark", {}).get(key, ()))


def _profile_inputs(state: RunState) -> Result | None:
    if not plan.is_needed("profile", state.config):
        return None
    return {"export": state.keys["export"], "policies": _policies(state), "machine": machine(state)}


def _policies(state: RunState) -> dict[str, str]:
    """By artefact, the wait policy of the measurement that counts: what it consists of is profiled."""
    keys = [artifact.key for artifact in artifacts(state)]
    return {key: wait_policy.quickest(measured(state, key)).wait_policy for key in keys}


def _profile(state: RunState, directory: Path) -> Result:
    times = benchmark.profile(
        [artifact.exported(state.directories["export"]) for artifact in artifacts(state)],
        input_shape=(1, *state.preprocessing.input_size),
        threads=state.config.measure.threads or environment.default_threads(),
        policies=_policies(state),
        context=state.context,
    )
    return {key: [row.model_dump(mode="json") for row in rows] for key, rows in times.items()}


BENCHMARK = Stage("benchmark", _benchmark_inputs, _benchmark, version=4, measures=True)
PROFILE = Stage("profile", _profile_inputs, _profile, version=4, measures=True)
