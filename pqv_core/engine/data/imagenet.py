"""ImageNet's classes by their synset names, so that a published head is judged rightly on any subset of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

from pqv_core.config import ModelConfig
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.weights import fitting
from pqv_core.files import kind as file_kind
from pqv_core.files.kind import Kind
from pqv_core.project import file as projects

_SYNSET = re.compile(r"n\d{8}")


def head_classes(config: ModelConfig, names: Sequence[str], *, project: Path) -> list[str] | None:
    """The classes that the weights' own head tells apart, in its order; None where it does not know ``names``.

    Folders named after synsets (``n01440764``) are taken for ImageNet's, and the head that comes with the weights is
    kept, when it has as many outputs as ImageNet-1k, -12k, -21k or -22k has classes and all of ``names`` are among
    them. The lists are timm's.

    Args:
        names: Names of the class folders.
        project: Project file; a relative path of weights starts at its folder.

    Raises:
        ModelError: The weights file cannot be used.
        StorageError: It cannot be read.
    """
    if config.weights == "random" or not all(_SYNSET.fullmatch(name) for name in names):
        return None
    published = timm.get_pretrained_cfg(config.name) if timm.is_model(config.name) else None
    if published is None:
        return None
    outputs = config.arguments.get("num_classes") or _outputs(config, published, project)
    subset = infer_imagenet_subset({**published.to_dict(), "num_classes": outputs})
    if subset is None:
        return None
    known: list[str] = ImageNetInfo(subset).label_names()
    return known if set(names) <= set(known) else None


def _outputs(config: ModelConfig, published: Any, project: Path) -> int | None:
    if config.weights == "pretrained":
        return int(published.num_classes)
    path = projects.resolved_path(config.path or "", project=project)
    if file_kind.kind(path) is Kind.OUR_CHECKPOINT:
        return getattr(checkpoint.load(path), "num_classes", None)
    return fitting.outputs(path, Base(name=config.name, arguments=config.arguments).create())
