"""Several processes that train together, as ``accelerate launch`` starts them.

The first does the whole run; when it comes to a training it hands the others a plan, as JSON. They train with it, and
are done after the last. Alone, all of this is nothing but a call of what trains.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from accelerate.utils import broadcast  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict
from torch import nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.config.prune import AlignedPruneConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models import checkpoint
from pqv_core.engine.train import between, devices, finetune, sparsify

_NOTHING = "null"


class TrainingPlan(BaseModel):
    """All that a training needs, as data. Paths are absolute, on a disk that all processes see.

    Attributes:
        sparsify: What is going to be cut, where this is the training before pruning; None for all others.
        between: How many trainings were before, where this is one between two steps of pruning; None for all others.
        is_last: Whether no other training follows in the same run.
    """

    model_config = ConfigDict(frozen=True)

    model: Path
    teacher: Path | None
    train: Path
    val: Path | None
    eval_images: int | None
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    config: FinetuneConfig
    seed: int
    directory: Path
    sparsify: AlignedPruneConfig | PruneConfig | None = None
    between: int | None = None
    is_last: bool = True


def world_size() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_world_size() -> int:
    """How many of them there are on this computer."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this is the one that does the whole run."""
    return int(os.environ.get("RANK", "0")) == 0


def train(plan: TrainingPlan, context: Context) -> nn.Module:
    """Train by the plan, together with the others where there are any.

    Raises:
        PqvError: As ``finetune``.
    """
    if world_size() > 1:
        _send(plan.model_dump_json(), plan.config)
    trained = _trained(plan, context)
    if plan.is_last:
        disconnect()
    return trained


def train_as_follower(config: FinetuneConfig, context: Context) -> None:
    """Wait for the first process's plans, and train by them. Ends without one where there is nothing to train."""
    while (text := _receive(config)) != _NOTHING:
        plan = TrainingPlan.model_validate_json(text)
        _trained(plan, context)
        if plan.is_last:
            break
    disconnect()


def release_followers(config: FinetuneConfig) -> None:
    """Let the followers end when there is nothing (more) to train."""
    if world_size() > 1 and torch.distributed.is_initialized():
        _send(_NOTHING, config)
        disconnect()


def disconnect() -> None:
    """End the connection between the processes; from here on each is alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _trained(plan: TrainingPlan, context: Context) -> nn.Module:
    images = data.open_images(
        plan.train, preprocessing=plan.preprocessing, classes=plan.classes, seed=plan.seed, context=context
    )
    if plan.sparsify is not None:
        return sparsify.sparsify(
            checkpoint.load(plan.model),
            plan.config,
            plan.sparsify,
            train=images,
            directory=plan.directory,
            seed=plan.seed,
            context=context,
        )
    teacher = checkpoint.load(plan.teacher) if plan.teacher else None
    if plan.between is not None:
        return between.train(
            checkpoint.load(plan.model),
            plan.config,
            before=plan.between,
            images=images,
            directory=plan.directory,
            seed=plan.seed,
            context=context,
            teacher=teacher,
        )
    val = plan.val and data.open_images(
        plan.val,
        preprocessing=plan.preprocessing,
        classes=plan.classes,
        limit=plan.eval_images,
        context=context,
    )
    return finetune.finetune(
        checkpoint.load(plan.model),
        plan.config,
        train=images,
        val=val or None,
        directory=plan.directory,
        seed=plan.seed,
        context=context,
        teacher=teacher,
    )


def _send(text: str, config: FinetuneConfig) -> None:
    device = devices.accelerator(config).device
    content = json.dumps(text).encode()  # ASCII
    broadcast(torch.tensor([len(content)], device=device))
    broadcast(torch.tensor(list(content), dtype=torch.uint8, device=device))


def _receive(config: FinetuneConfig) -> str:
    device = devices.accelerator(config).device
    length = int(broadcast(torch.zeros(1, dtype=torch.int64, device=device)))
    content = broadcast(torch.zeros(length, dtype=torch.uint8, device=device))
    return str(json.loads(bytes(content.tolist())))
