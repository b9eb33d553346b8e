"""The model is cut."""

from __future__ import annotations

from pathlib import Path

import torch

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine.data import batches as data
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured as prune
from pqv_core.engine.stages.stage import Result, RunState, Stage, versions
from pqv_core.project import plan


def _uncut(state: RunState) -> str:
    """The stage whose model is going to be cut."""
    return "sparsify" if "sparsify" in state.results else "load"


def _prune_inputs(state: RunState) -> Result | None:
    if not plan.is_needed("prune", state.config):
        return None
    config = state.config.pruning
    info = CRITERIA[config.importance]
    return {
        "model": state.keys[_uncut(state)],
        "config": config.model_dump(mode="json", exclude=_unread(config)),
        "images": state.fingerprint(state.train or state.val) if info.needs_images else None,
        "seed": state.config.seed if info.uses_seed else None,
        "versions": versions()["torch-pruning"],
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
    pruned = prune.prune(state.model(_uncut(state)), config, batches=batches, context=state.context)
    state.save(pruned, directory)
    params, macs = models.count(pruned)
    return {"params": params, "macs": macs}


PRUNE = Stage("prune", _prune_inputs, _prune, version=4)
