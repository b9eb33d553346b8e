"""The model merges tokens from here on: it is trained, judged, quantized and written so."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from pqv_core.engine.models import create as models
from pqv_core.engine.stages.stage import Result, RunState, Stage, always
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.models import merged_tokens as schedule
from pqv_core.project import plan


def asked(model: nn.Module, state: RunState) -> Merging:
    """What a run's settings mean for a model.

    Raises:
        ModelError: It cannot merge tokens.
        ConfigError: There are numbers for more blocks than it has.
    """
    config = state.config.tokens
    if config.by_budget:  # what pruning chose; where it is none, blocks may have been left out
        merged = tuple(state.results["prune"]["merged"])
    else:
        patches, depth = merged_tokens.size(model)
        merged = schedule.merged(config, patches=patches, depth=depth)
    return Merging(merged=merged, proportional=config.proportional)


def _merge_inputs(state: RunState) -> Result | None:
    if not plan.is_needed("merge", state.config):
        return None
    config = state.config.tokens
    unread = {"merge", "schedule"} if config.per_block else {"per_block"}
    unread |= {"merge", "schedule", "per_block"} if config.by_budget else set()  # pruning read them
    return {"model": state.keys[state.final_stage], "config": config.model_dump(mode="json", exclude=unread)}


def _merge(state: RunState, directory: Path) -> Result:
    before = state.results[state.final_stage]
    model = state.model(state.final_stage)
    merging = asked(model, state)
    if any(merging.merged):
        merged_tokens.merge(model, merging)
    state.save(model, directory)
    params, macs = models.count(model)
    return {"params": params, "macs": macs, "macs_before": before["macs"], "merged": list(merging.merged)}


MERGE = Stage("merge", _merge_inputs, _merge, travels=always)
