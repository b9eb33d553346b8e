"""The model is trained: before it is cut, so that what is to go shrinks, and after, so that it recovers."""

from __future__ import annotations

from pathlib import Path

from pqv_core.engine.models import create as models
from pqv_core.engine.stages.stage import WEIGHTS_FILE, Result, RunState, Stage, always, judged_by
from pqv_core.engine.train import distributed, sparsify
from pqv_core.errors import DataError
from pqv_core.files.fsio import remove_folder
from pqv_core.project import plan as planned


def _sparsify_inputs(state: RunState) -> Result | None:
    if not planned.is_needed("sparsify", state.config):
        return None
    config = state.config.pruning
    if state.train is None:
        raise DataError(
            "Sparse training needs training images, but none are set.",
            action="Choose a folder with training images, or set the sparse epochs to 0.",
        )
    return {
        "model": state.keys["load"],
        "config": sparsify.settings(config),
        "training": state.config.finetune.model_dump(mode="json", exclude=set(sparsify.UNREAD)),
        "train": state.fingerprint(state.train),
        "seed": state.config.seed,
    }


def _sparsify(state: RunState, directory: Path) -> Result:
    assert state.train is not None
    plan = distributed.TrainingPlan(
        model=state.directories["load"] / WEIGHTS_FILE,
        teacher=None,
        train=state.train,
        val=None,
        eval_images=None,
        classes=tuple(state.results["load"]["classes"]),
        preprocessing=state.preprocessing,
        config=state.config.finetune,
        seed=state.config.seed,
        directory=directory / "state",
        sparsify=state.config.pruning,
        is_last=not (state.config.prune.trains_between or planned.is_needed("finetune", state.config)),
    )
    state.save(distributed.train(plan, state.context), directory)
    remove_folder(directory / "state")
    return {name: state.results["load"][name] for name in ("params", "macs")}


def _finetune_inputs(state: RunState) -> Result | None:
    if not planned.is_needed("finetune", state.config):
        return None
    config = state.config.finetune
    if state.train is None:
        raise DataError(
            "Fine-tuning needs training images, but none are set.",
            action="Choose a folder with training images, or set the epochs to 0.",
        )
    return {
        "model": state.keys[state.final_stage],
        "teacher": state.keys["load"] if config.needs_teacher else None,
        "config": config.model_dump(mode="json", exclude=set() if config.distillation else {"temperature"}),
        "train": state.fingerprint(state.train),
        "val": judged_by(state),
        "seed": state.config.seed,
    }


def _finetune(state: RunState, directory: Path) -> Result:
    assert state.train is not None
    config = state.config
    plan = distributed.TrainingPlan(
        model=state.directories[state.final_stage] / WEIGHTS_FILE,
        teacher=state.directories["load"] / WEIGHTS_FILE if config.finetune.needs_teacher else None,
        train=state.train,
        val=state.val,
        eval_images=config.data.eval_images,
        classes=tuple(state.results["load"]["classes"]),
        preprocessing=state.preprocessing,
        config=config.finetune,
        seed=config.seed,
        directory=directory / "state",
    )
    tuned = distributed.train(plan, state.context)
    state.save(tuned, directory)
    remove_folder(directory / "state")
    params, macs = models.count(tuned)
    return {"params": params, "macs": macs}


SPARSIFY = Stage("sparsify", _sparsify_inputs, _sparsify, version=3, writes_history=True, travels=always)
FINETUNE = Stage("finetune", _finetune_inputs, _finetune, writes_history=True, travels=always)
