"""Model sources at work: each makes, loads and describes its models. ``pqv_core/models/sources/`` describes them."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from pqv_core.engine.models.sources.base import ModelSource
from pqv_core.errors import ModelError
from pqv_core.models.sources import DEFAULT, SOURCES

__all__ = ["ModelSource", "marked", "of", "source"]

_MARK = "_pqv_source"


def source(key: str) -> ModelSource:
    """The source of a key.

    Raises:
        ModelError: It is not known here.
        PluginError: Its package cannot be loaded.
    """
    if key not in SOURCES:
        raise ModelError(
            f"The model is from the source {key!r}, which is not known to this PQV-Mobile.",
            action="Install the plug-in that brings it, or update PQV-Mobile.",
        )
    implementation = SOURCES.load(key)
    with SOURCES.blaming(key, "cannot be loaded"):
        made = implementation()
        if not isinstance(made, ModelSource):
            raise TypeError(f"{made!r} is no ModelSource")
    return made


def marked(model: nn.Module, source: ModelSource) -> nn.Module:
    """``model``, in eval mode, from which ``of`` tells that ``source`` made it; its copies tell it, too.

    It is not a name but the object itself, whose type TorchScript does not know and therefore writes into no file.
    """
    cast(Any, model).__dict__[_MARK] = source
    return model.eval()


def of(model: nn.Module) -> ModelSource:
    """The source that made a model; the default one for a model that none of them made."""
    return getattr(model, _MARK, None) or source(DEFAULT)
