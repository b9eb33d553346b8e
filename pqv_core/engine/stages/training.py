"""The model is trained: before it is cut, so that what is to go shrinks, and after, so that it recovers."""

from __future__ import annotations

from pathlib import Path

from pqv_core.engine.models import create as models
from pqv_core.engine.stages.stage import WEIGHTS_FILE, Result, Stage, Work, judged_by
from pqv_core.engine.train import distributed as crew
from pqv_core.engine.train import sparsify
from pqv_core.errors import DataError
from pqv_core.files.fsio import remove_folder
from pqv_core.project import plan as planned


def _sparsify_inputs(work: Work) -> Result | None:
    if not planned.is_needed("sparsify", work.config):
        return None
    config = work.config.prune
    if work.train is None:
        raise DataError(
            "Sparse training needs training images, but none are set.",
            action="Choose a folder with training images, or set the sparse epochs to 0.",
        )
    return {
        "model": work.keys["load"],
        "config": sparsify.settings(config),
        "training": work.config.finetune.model_dump(mode="json", exclude=set(sparsify.UNREAD)),
        "train": work.fingerprint(work.train),
        "seed": work.config.seed,
    }


def _sparsify(work: Work, directory: Path) -> Result:
    assert work.train is not None
    plan = crew.Plan(
        model=work.directories["load"] / WEIGHTS_FILE,
        teacher=None,
        train=work.train,
        val=None,
        eval_images=None,
        classes=tuple(work.results["load"]["classes"]),
        preprocessing=work.preprocessing,
        config=work.config.finetune,
        seed=work.config.seed,
        directory=directory / "state",
        sparsify=work.config.prune,
    )
    work.save(crew.train(plan, work.context), directory)
    remove_folder(directory / "state")
    return {name: work.results["load"][name] for name in ("params", "macs")}


def _finetune_inputs(work: Work) -> Result | None:
    if not planned.is_needed("finetune", work.config):
        return None
    config = work.config.finetune
    if work.train is None:
        raise DataError(
            "Fine-tuning needs training images, but none are set.",
            action="Choose a folder with training images, or set the epochs to 0.",
        )
    return {
        "model": work.keys[work.final_stage],
        "teacher": work.keys["load"] if config.needs_teacher else None,
        "config": config.model_dump(mode="json", exclude=set() if config.distillation else {"temperature"}),
        "train": work.fingerprint(work.train),
        "val": judged_by(work),
        "seed": work.config.seed,
    }


def _finetune(work: Work, directory: Path) -> Result:
    assert work.train is not None
    config = work.config
    plan = crew.Plan(
        model=work.directories[work.final_stage] / WEIGHTS_FILE,
        teacher=work.directories["load"] / WEIGHTS_FILE if config.finetune.needs_teacher else None,
        train=work.train,
        val=work.val,
        eval_images=config.data.eval_images,
        classes=tuple(work.results["load"]["classes"]),
        preprocessing=work.preprocessing,
        config=config.finetune,
        seed=config.seed,
        directory=directory / "state",
    )
    tuned = crew.train(plan, work.context)
    work.save(tuned, directory)
    remove_folder(directory / "state")
    params, macs = models.count(tuned)
    return {"params": params, "macs": macs}


SPARSIFY = Stage("sparsify", _sparsify_inputs, _sparsify, version=3, writes_history=True)
FINETUNE = Stage("finetune", _finetune_inputs, _finetune, writes_history=True)
