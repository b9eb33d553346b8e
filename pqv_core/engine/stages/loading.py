"""The model as it comes: from its source, with published, own or random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from pqv_core.config import channels, distillation
from pqv_core.data import class_order, dataset
from pqv_core.engine import structure
from pqv_core.engine.data import class_names
from pqv_core.engine.models import checkpoint, sources
from pqv_core.engine.models import create as models
from pqv_core.engine.quantize.layers import check_names
from pqv_core.engine.stages.merging import asked
from pqv_core.engine.stages.stage import PREPROCESSING, WEIGHTS_FILE, Result, RunState, Stage
from pqv_core.engine.transforms import merged_tokens
from pqv_core.files import weights_files
from pqv_core.models import merged_tokens as schedules
from pqv_core.models.sources import DEFAULT
from pqv_core.project import project_file as projects

_ELSEWHERE = {"path", "source"}
"""Left out of the hash: the path, for what the file holds counts; the usual source, which results of earlier versions
come from and do not name."""


def _load_inputs(state: RunState) -> Result:
    if problem := channels.problem(state.config) or distillation.problem(state.config):
        raise problem
    model = state.config.model
    weights = projects.resolved_path(model.path, project=state.project) if model.path else None
    classes = _classes(state)
    return {
        "model": model.model_dump(mode="json", exclude=_ELSEWHERE if model.source == DEFAULT else {"path"}),
        "weights": weights_files.fingerprint(weights) if weights and model.weights == "file" else None,
        "classes": classes,
        "seed": None if _is_as_published(state, classes) else state.config.seed,
        "versions": sources.source(model.source).version,
    }


def _is_as_published(state: RunState, classes: list[str] | None) -> bool:
    """Whether no weight is drawn: a new head is, for another number of classes."""
    model = state.config.model
    if model.weights != "pretrained":
        return False
    if classes:
        classes = class_names.of_outputs(state.config, classes, project=state.project)
    wanted = len(classes) if classes else model.arguments.get("num_classes")
    return wanted is None or wanted == sources.source(model.source).published_classes(model.name)


def _classes(state: RunState) -> list[str] | None:
    """Names of the classes of the images, in the order that is set; None without images."""
    train, val = state.listing("train"), state.listing("val")
    if train is not None and val is not None:
        dataset.check_pair(train.classes, val.classes)
        if missing := dataset.missing_classes(train.classes, val.classes):
            state.context.warn(missing)
    found = train or val
    if found is None:
        return None
    named = class_order.arranged(found.classes, state.config.data.class_order, project=state.project)
    if unseen := class_order.without_images(named, found.classes):
        state.context.log(unseen)
    return named


def _load(state: RunState, directory: Path) -> Result:
    torch.manual_seed(state.config.seed)
    classes = _classes(state)
    if classes:
        classes = class_names.of_outputs(state.config, classes, project=state.project)
    model, base = models.create(
        state.config.model,
        num_classes=len(classes) if classes else None,
        project=state.project,
        context=state.context,
    )
    brought = state.config.model.weights != "random" and not models.has_new_head(len(classes or ()), state.context)
    if classes and brought:
        class_names.warn(state.config, classes, project=state.project, context=state.context)
    checkpoint.save(model, directory / WEIGHTS_FILE, base=base, classes=classes or ())
    params, macs = models.count(model)
    return {
        "params": params,
        "macs": macs,
        "base": base.model_dump(mode="json"),
        "classes": classes,
        "brought_head": brought,
        "preprocessing": PREPROCESSING.dump_python(models.preprocessing(model), mode="json"),
    }


def _check(state: RunState) -> None:
    """Say what cannot be done with the model before it is measured for minutes and trained for hours.

    That is a layer to keep which is not there, what cannot be cut, and tokens that cannot be merged.
    """
    config, model = state.config, state.model("load")
    if names := config.quantize.kept:
        check_names(model, names)
    if config.prune.enabled:
        structure.widths(model, config.pruning)
    if problem := schedules.problem(config):
        raise problem
    if not config.tokens.enabled:
        return
    if config.tokens.by_budget:
        merged_tokens.size(model)
    else:
        asked(model, state)
    if problem := distillation.problem_with_tokens(config, gives_all=merged_tokens.gives_all_features(model)):
        raise problem


LOAD = Stage("load", _load_inputs, _load, version=2, check=_check)
