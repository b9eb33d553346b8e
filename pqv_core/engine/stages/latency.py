"""The latency table by which a budget is kept: this computer's, measured here, or a device's, measured before."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pqv_core.config.budget import LOCAL
from pqv_core.engine.latency import measuring
from pqv_core.engine.measure import environment
from pqv_core.engine.stages.stage import Result, RunState, Stage
from pqv_core.errors import BenchmarkError
from pqv_core.files.fsio import sha256_json
from pqv_core.latency import store
from pqv_core.latency import table as tables
from pqv_core.latency.table import LatencyTable
from pqv_core.process import machine
from pqv_core.project import plan

TABLE_FILE = "latency.json"


def _latency_inputs(state: RunState) -> Result | None:
    if not plan.is_needed("latency", state.config):
        return None
    config = state.config
    kept = _kept(state)
    if config.budget.on != LOCAL and kept is None:
        raise BenchmarkError(
            f"There is no latency table of {config.budget.on} for {config.model.name} in this format and scheme.",
            action="Measure it first.",
            command=f"pqv latency PROJECT --on {config.budget.on}",
        )
    return {
        "model": state.keys["load"],
        "unit": config.prune.attention_unit,
        "quantize": config.quantize.model_dump(mode="json"),
        "format": config.export.formats[0],
        "target": config.export.target,
        "threads": _threads(state),
        **({"embedding": True} if config.cuts_embedding else {}),
        "on": machine.node() if config.budget.on == LOCAL else sha256_json(kept and kept.model_dump(mode="json")),
    }


def _latency(state: RunState, directory: Path) -> Result:
    table = _kept(state) or _measured(state)
    tables.save(directory / TABLE_FILE, table)
    return {"device": table.device, "threads": table.subject.threads, "dense_ns": table.dense_ns}


def read(state: RunState) -> LatencyTable | None:
    """The table of a run; None where no latency is limited."""
    return tables.load(state.directories["latency"] / TABLE_FILE) if "latency" in state.results else None


def _kept(state: RunState) -> LatencyTable | None:
    config = state.config
    return store.find(config, config.export.formats[0], on=config.budget.on, threads=_threads(state))


def _measured(state: RunState) -> LatencyTable:
    config = state.config
    unless = partial(_kept, state)  # another process may have measured it while this one waited
    return measuring.kept(state.model("load"), config, config.export.formats[0], state.context, unless=unless)


def _threads(state: RunState) -> int | None:
    """Those of the project; of a device whose table is there already, else any number."""
    here = state.config.budget.on == LOCAL
    return state.config.measure.threads or (environment.default_threads() if here else None)


LATENCY = Stage("latency", _latency_inputs, _latency, version=2)
