"""The model is cut."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine import structure
from pqv_core.engine.data import batches as data
from pqv_core.engine.latency.trial import Trial
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured as prune
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.prune.sizes import size_lines
from pqv_core.engine.stages import latency, merging
from pqv_core.engine.stages.stage import Result, RunState, Stage, versions
from pqv_core.engine.structure import Width, blocks
from pqv_core.engine.structure.blocks import Block
from pqv_core.engine.transforms import merged_tokens
from pqv_core.project import plan


def _uncut(state: RunState) -> str:
    """The stage whose model is going to be cut."""
    return "sparsify" if "sparsify" in state.results else "load"


def _prune_inputs(state: RunState) -> Result | None:
    if not plan.is_needed("prune", state.config):
        return None
    config = state.config.pruning
    info = CRITERIA[config.importance]
    budgeted = state.config.prunes_for_budget
    unread = _unread(config) | ({"ratio", "distribution", "max_ratio"} if budgeted else set())
    return {
        "model": state.keys[_uncut(state)],
        "config": config.model_dump(mode="json", exclude=unread),
        **(_budget_inputs(state) if budgeted else {}),
        "images": state.fingerprint(state.train or state.val) if info.needs_images else None,
        "seed": state.config.seed if info.uses_seed else None,
        "versions": versions()["torch-pruning"],
    }


def _budget_inputs(state: RunState) -> Result:
    """What else matters where a budget says how far the model is cut: whatever changes the file."""
    config = state.config
    return {
        "budget": config.budget.model_dump(mode="json", exclude={"on"}),
        "latency": state.keys.get("latency"),
        "quantize": config.quantize.model_dump(mode="json"),
        "format": config.export.formats[0],
        "target": config.export.target,
        "tokens": config.tokens.model_dump(mode="json") if config.tokens.enabled else None,
    }


def _unread(config: PruneConfig) -> set[str]:
    """Settings that pruning does not look at, given the others."""
    unread = {"enabled", "sparse_epochs", "sparse_strength"}
    if not CRITERIA[config.importance].needs_images:
        unread |= {"images", "batch_size"}
    if config.distribution == "uniform":
        unread.add("max_ratio")
    if not config.attention:
        unread.add("attention_unit")
    return unread


def _prune(state: RunState, directory: Path) -> Result:
    config = state.config.pruning
    batches = None
    folder = state.train or state.val
    if folder is not None and CRITERIA[config.importance].needs_images:
        read = data.calibration_batches(
            folder,
            preprocessing=state.preprocessing,
            classes=state.results["load"]["classes"],
            images=config.images,
            batch_size=config.batch_size,
            seed=state.config.seed,
            context=state.context,
        )
        with state.context.part("calibrate", 0.0, 0.2):
            batches = list(read)  # every step of pruning looks at all of them
    torch.manual_seed(state.config.seed)
    model = state.model(_uncut(state))
    with tempfile.TemporaryDirectory(prefix="pqv-trial-") as scratch:
        allocation = _allocation(model, state, Path(scratch)) if state.config.prunes_for_budget else None
        pruned = prune.prune(model, config, batches=batches, context=state.context, allocation=allocation)
    state.save(pruned, directory)
    params, macs = models.count(pruned)
    reached = {"budget": _reached(allocation)} if allocation else {}
    return {"params": params, "macs": macs, "widths": _widths(model, pruned, config), **reached}


def _widths(before: nn.Module, after: nn.Module, config: PruneConfig) -> list[Result]:
    """How far each width was cut."""
    left = {width.name: width.units for width in structure.widths(after, config)}
    return [
        {"name": width.name, "kind": width.kind, "before": width.units, "after": left.get(width.name, 0)}
        for width in structure.widths(before, config)
    ]


def _allocation(model: nn.Module, state: RunState, scratch: Path) -> ByBudget:
    config, table = state.config, latency.read(state)
    form = config.export.formats[0]
    widths = structure.widths(model, config.pruning)

    def finish(cut: nn.Module) -> None:
        """Merge tokens, as the run will: the table is about all of them, so what they save is tried."""
        if config.tokens.enabled:
            merged_tokens.merge(cut, merging.asked(cut, state))

    return ByBudget(
        config.budget,
        config.pruning,
        table=table,
        blocks=_leavable(model, widths, state),
        sizes=size_lines(model, config, form, config.quantize.precision, state.context),
        trial=Trial(model, config, table, scratch, state.context, finish=finish),
        context=state.context,
    )


def _leavable(model: nn.Module, widths: Sequence[Width], state: RunState) -> list[Block]:
    """Blocks that may be left out; none where tokens are merged, which counts every block."""
    if not state.config.budget.blocks or state.config.tokens.enabled:
        return []
    return blocks.blocks(model, widths, torch.zeros(1, *models.preprocessing(model).input_size))


def _reached(allocation: ByBudget) -> Result:
    """What was predicted of the model that is left, and what it cost when it was tried."""
    predicted, measured = allocation.predicted, allocation.measured
    assert predicted is not None and measured is not None
    return {
        "predicted_share": predicted.share,
        "predicted_bytes": round(predicted.size),
        "tried_share": measured.share,
        "tried_bytes": round(measured.size),
    }


PRUNE = Stage(
    "prune",
    _prune_inputs,
    _prune,
    version=5,
    travels=lambda config: not config.prunes_for_budget,  # for a budget what is left is tried, on the clock
)
