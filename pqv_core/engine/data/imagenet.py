"""ImageNet's classes by their synset names, so that a published head is judged rightly on any subset of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pqv_core.config import ModelConfig
from pqv_core.engine.models import checkpoint, sources
from pqv_core.engine.models import create as models
from pqv_core.engine.weights import fitting
from pqv_core.files import kind as file_kind
from pqv_core.files.kind import Kind
from pqv_core.project import project_file as projects

_SYNSET = re.compile(r"n\d{8}")


def head_classes(config: ModelConfig, names: Sequence[str], *, project: Path) -> list[str] | None:
    """The classes that the weights' own head tells apart, in its order; None where it does not know ``names``.

    Folders named after synsets (``n01440764``) are taken for ImageNet's, and the head that comes with the weights is
    kept, when it has as many outputs as ImageNet-1k, -12k, -21k or -22k has classes and all of ``names`` are among
    them. The lists are the model source's.

    Args:
        names: Names of the class folders.
        project: Project file; a relative path of weights starts at its folder.

    Raises:
        ModelError: The weights file cannot be used.
        StorageError: It cannot be read.
    """
    if config.weights == "random" or not all(_SYNSET.fullmatch(name) for name in names):
        return None
    outputs = config.arguments.get("num_classes") or _outputs(config, project)
    known = sources.source(config.source).class_names(config.name, int(outputs)) if outputs else None
    return list(known) if known is not None and set(names) <= set(known) else None


def _outputs(config: ModelConfig, project: Path) -> int | None:
    if config.weights == "pretrained":
        return sources.source(config.source).published_classes(config.name)
    path = projects.resolved_path(config.path or "", project=project)
    if file_kind.kind(path) is Kind.OUR_CHECKPOINT:
        return getattr(checkpoint.load(path), "num_classes", None)
    return fitting.outputs(path, models.base(config, num_classes=None).create())
