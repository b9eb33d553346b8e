"""Which class each output of a run's model stands for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pqv_core.config import ModelConfig, RunConfig
from pqv_core.data import class_order
from pqv_core.engine.context import Context
from pqv_core.engine.data import imagenet
from pqv_core.engine.models import checkpoint, tensorfile
from pqv_core.files import kind as file_kind
from pqv_core.project import project_file as projects


def of_outputs(config: RunConfig, names: Sequence[str], *, project: Path) -> list[str]:
    """Names of classes in the order of the model's outputs.

    What is said by name counts more than what follows from an order: a checkpoint of ours knows its classes, then a
    file may list them, then ImageNet's may be known by their synsets. There may be more of these than ``names``.

    Args:
        names: Classes of the images, in the order of the setting ``data.class_order``.

    Raises:
        ModelError: The weights file cannot be used.
        StorageError: It cannot be read.
    """
    own = _own(config.model, project)
    if own and set(names) <= set(own):
        return own
    if class_order.is_file(config.data.class_order):
        return list(names)
    return imagenet.head_classes(config.model, names, project=project) or list(names)


def warn(config: RunConfig, names: Sequence[str], *, project: Path, context: Context) -> None:
    """Say what to know of a head that came with the weights.

    Args:
        names: As ``of_outputs`` gave them.
    """
    own = _own(config.model, project)
    if own == list(names):
        return
    if own:
        context.warn(
            f"The weights were trained for the classes {class_order.listed(own)}; the images have "
            f"{class_order.listed(names)}. The model’s outputs are matched to these in order."
        )
    elif config.data.class_order == class_order.TEXT and (doubt := class_order.doubt(names)):
        context.warn(doubt)


def _own(config: ModelConfig, project: Path) -> list[str]:
    """The classes that a checkpoint of ours names; empty for other weights, and where another head is asked for."""
    if config.weights != "file":
        return []
    path = projects.resolved_path(config.path or "", project=project)
    if file_kind.kind(path) is not file_kind.Kind.OUR_CHECKPOINT:
        return []
    try:
        names = list(checkpoint.read_recipe(path).classes)
    except tensorfile.DamagedError:  # said when the model is loaded
        return []
    return names if config.arguments.get("num_classes", len(names)) == len(names) else []
