"""The model is cut."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine import structure
from pqv_core.engine.data import batches as data
from pqv_core.engine.latency.trial import Trial
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured as prune
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.prune.sizes import size_lines
from pqv_core.engine.stages import between, latency, merging
from pqv_core.engine.stages.between import Between
from pqv_core.engine.stages.stage import Result, RunState, Stage, versions
from pqv_core.engine.stages.token_search import Cut, least_loss
from pqv_core.engine.structure import Width, blocks
from pqv_core.engine.structure.blocks import Block
from pqv_core.engine.train import distributed
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.files.fsio import remove_folder, sha256_json
from pqv_core.models import merged_tokens as schedules
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
    looks = _looks_at_images(state)
    unread |= set() if looks else {"images", "batch_size"}
    return {
        "model": state.keys[_uncut(state)],
        "config": config.model_dump(mode="json", exclude=unread),
        **(_budget_inputs(state) if budgeted else {}),
        "images": state.fingerprint(state.train or state.val) if looks else None,
        "seed": state.config.seed if info.uses_seed or looks or config.trains_between else None,
        "versions": versions()["torch-pruning"],
        **between.inputs(state),
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


def _looks_at_images(state: RunState) -> bool:
    """Whether importance is measured on images, or what merging tokens costs is."""
    return CRITERIA[state.config.prune.importance].needs_images or state.config.tokens.by_budget


def _unread(config: PruneConfig) -> set[str]:
    """Settings that pruning does not look at, given the others."""
    unread = {"enabled", "sparse_epochs", "sparse_strength"}
    if config.distribution == "uniform":
        unread.add("max_ratio")
    if not config.attention:
        unread.add("attention_unit")
    if not config.trains_between:
        unread.add("epochs_between")
    return unread


def _prune(state: RunState, directory: Path) -> Result:
    config, tokens = state.config.pruning, state.config.tokens
    batches = None
    folder = state.train or state.val
    if folder is not None and _looks_at_images(state):
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
    training, schedules_before = directory / "between", itertools.count()
    with tempfile.TemporaryDirectory(prefix="pqv-trial-") as scratch:

        def cut(merges: Merging | None) -> Cut:
            allocation = between = None
            torch.manual_seed(state.config.seed)  # so that with each number of merged tokens the same is drawn
            if state.config.prunes_for_budget:
                allocation = _allocation(model, state, Path(scratch), merges)
            if config.trains_between:
                before = next(schedules_before)
                name = _name_of(merges, before) if tokens.by_budget else ""
                between = Between(state, training / _folder_of(merges), schedule=before, name=name)
            made = prune.prune(
                model, config, batches=batches, context=state.context, allocation=allocation, between=between
            )
            return Cut(made, merges, allocation)

        if tokens.by_budget:
            assert batches is not None
            best, tried = _searched(model, state, cut, batches)
        else:
            best, tried = cut(merging.asked(model, state) if tokens.enabled else None), {}
    if config.trains_between:
        remove_folder(training)
        if tokens.by_budget and not plan.is_needed("finetune", state.config):
            distributed.release_followers(state.config.finetune)  # which number would be the last was not known
    state.save(best.model, directory)
    params, macs = models.count(best.model)
    reached = {"budget": _reached(best.allocation)} if best.allocation else {}
    return {"params": params, "macs": macs, "widths": _widths(model, best.model, config), **reached, **tried}


def _folder_of(merges: Merging | None) -> str:
    """A name of its own for each schedule: several may merge as many tokens in all."""
    return f"merged-{sha256_json(merges.merged)[:16]}" if merges is not None else "whole"


def _name_of(merges: Merging | None, before: int) -> str:
    """What a person reads of a schedule, before which so many were tried."""
    return f" (schedule {before + 1}, {sum(merges.merged) if merges else 0:,} tokens merged)"


def _searched(
    model: nn.Module, state: RunState, cut: Callable[[Merging | None], Cut], batches: list[tuple[Tensor, Tensor]]
) -> tuple[Cut, Result]:
    """The best number of merged tokens, which the stage that merges reads, and what else was tried."""
    tokens = state.config.tokens
    learnt = state.results["load"]["brought_head"] or _uncut(state) != "load" or state.config.prune.trains_between
    if not learnt:
        state.context.warn(
            "The model has not learnt these classes yet, so its loss says little of how many tokens to merge. "
            "Fine-tune it first, or set tokens.merge yourself."
        )
    patches, depth = merged_tokens.size(model)
    best, tried = least_loss(
        schedules.tried(tokens, patches=patches, depth=depth),
        cut,
        batches,
        state.context,
        proportional=tokens.proportional,
    )
    merged = list(best.merging.merged) if best.merging else [0] * depth
    return best, {"merged": merged, "tokens_tried": [asdict(item) | {"merged": list(item.merged)} for item in tried]}


def _widths(before: nn.Module, after: nn.Module, config: PruneConfig) -> list[Result]:
    """How far each width was cut."""
    left = {width.name: width.units for width in structure.widths(after, config)}
    return [
        {"name": width.name, "kind": width.kind, "before": width.units, "after": left.get(width.name, 0)}
        for width in structure.widths(before, config)
    ]


def _allocation(model: nn.Module, state: RunState, scratch: Path, merges: Merging | None) -> ByBudget:
    config, table = state.config, latency.read(state)
    form = config.export.formats[0]
    widths = structure.widths(model, config.pruning)

    def finish(cut: nn.Module) -> None:
        """Merge tokens, as the run will: the table is about all of them, so what they save is tried."""
        if merges is not None:
            merged_tokens.merge(cut, merges)

    return ByBudget(
        config.budget,
        config.pruning,
        table=table,
        blocks=_leavable(model, widths, state) if merges is None else [],  # a schedule counts every block
        sizes=size_lines(model, config, form, config.quantize.precision, state.context),
        trial=Trial(model, config, table, scratch, state.context, finish=finish),
        context=state.context,
        does_more=merges is not None,
    )


def _leavable(model: nn.Module, widths: Sequence[Width], state: RunState) -> list[Block]:
    """Blocks that may be left out."""
    if not state.config.budget.blocks:
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
    version=7,
    writes_history=True,  # where the model is trained between the steps
    travels=lambda config: not config.prunes_for_budget,  # for a budget what is left is tried, on the clock
)
