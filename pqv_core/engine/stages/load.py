"""The model as it comes: from timm, with published, own or random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from pqv_core import dataset, weights_files
from pqv_core import project as projects
from pqv_core.config import channels
from pqv_core.engine import checkpoint, environment, imagenet, models
from pqv_core.engine.stages.work import PREPROCESSING, WEIGHTS_FILE, Result, Stage, Work


def _load_inputs(work: Work) -> Result:
    problem = channels.problem(work.config)
    if problem is not None:
        raise problem
    model = work.config.model
    weights = projects.resolved_path(model.path, project=work.project) if model.path else None
    return {
        "model": model.model_dump(mode="json", exclude={"path"}),
        "weights": weights_files.fingerprint(weights) if weights and model.weights == "file" else None,
        "classes": _classes(work),
        "seed": work.config.seed if model.weights != "pretrained" else None,
        "versions": environment.describe(threads=1).versions["timm"],
    }


def _classes(work: Work) -> list[str] | None:
    """Names of the classes in the images; None without images."""
    train, val = (dataset.classes(folder) if folder else None for folder in (work.train, work.val))
    if train is not None and val is not None:
        dataset.check_pair(train, val)
    return train if train is not None else val


def _load(work: Work, directory: Path) -> Result:
    torch.manual_seed(work.config.seed)
    classes = _classes(work)
    if classes:
        classes = imagenet.head_classes(work.config.model, classes, project=work.project) or classes
    model, base = models.create(
        work.config.model,
        num_classes=len(classes) if classes else None,
        project=work.project,
        context=work.context,
    )
    checkpoint.save(model, directory / WEIGHTS_FILE, base=base)
    params, macs = models.count(model)
    return {
        "params": params,
        "macs": macs,
        "base": base.model_dump(mode="json"),
        "classes": classes,
        "preprocessing": PREPROCESSING.dump_python(models.preprocessing(model), mode="json"),
    }


LOAD = Stage("load", _load_inputs, _load, version=2)
