"""The model is cut."""

from __future__ import annotations

from pathlib import Path

import torch

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine.data import batches as data
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured as prune
from pqv_core.engine.stages.stage import Result, Stage, Work, versions
from pqv_core.project import plan


def _uncut(work: Work) -> str:
    """The stage whose model is going to be cut."""
    return "sparsify" if "sparsify" in work.results else "load"


def _prune_inputs(work: Work) -> Result | None:
    if not plan.is_needed("prune", work.config):
        return None
    config = work.config.prune
    info = CRITERIA[config.importance]
    return {
        "model": work.keys[_uncut(work)],
        "config": config.model_dump(mode="json", exclude=_unread(config)),
        "images": work.fingerprint(work.train or work.val) if info.needs_images else None,
        "seed": work.config.seed if info.draws else None,
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


def _prune(work: Work, directory: Path) -> Result:
    config = work.config.prune
    batches = None
    folder = work.train or work.val
    if folder is not None and CRITERIA[config.importance].needs_images:
        read = data.calibration_batches(
            folder,
            preprocessing=work.preprocessing,
            classes=work.results["load"]["classes"],
            images=config.images,
            batch_size=config.batch_size,
            seed=work.config.seed,
            context=work.context,
        )
        with work.context.part("calibrate", 0.0, 0.2):
            batches = list(read)  # every step of pruning looks at all of them
    torch.manual_seed(work.config.seed)
    pruned = prune.prune(work.model(_uncut(work)), config, batches=batches, context=work.context)
    work.save(pruned, directory)
    params, macs = models.count(pruned)
    return {"params": params, "macs": macs}


PRUNE = Stage("prune", _prune_inputs, _prune, version=4)
