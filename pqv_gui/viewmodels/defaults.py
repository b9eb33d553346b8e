"""Settings that work for a person who only presses Next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pqv_core.comparison import settings
from pqv_core.config import ExportConfig, FinetuneConfig, PruneConfig, RunConfig
from pqv_core.config.export import Target, usual_formats
from pqv_core.project.new_config import EPOCHS_WITH_IMAGES
from pqv_gui.viewmodels import display_names


def new_config(target: Target = "host") -> RunConfig:
    """A project without images: published weights, importance from them alone, no fine-tuning."""
    plain = RunConfig()
    formats = usual_formats(target, precision=plain.quantize.precision)
    return plain.changed(
        model=plain.model.changed(weights="pretrained"),
        prune=PruneConfig(importance="l2"),
        finetune=FinetuneConfig(epochs=0),
        export=ExportConfig(target=target, formats=formats),
    )


def measured_with(config: RunConfig, *, threads: int | None) -> RunConfig:
    """A new project's settings, which measure with so many threads where nothing else was asked for."""
    if threads is None or config.measure.threads is not None:
        return config
    return config.changed(measure={**config.measure.model_dump(), "threads": threads})


def with_images(config: RunConfig, *, published: bool) -> dict[str, Any]:
    """What else to set once images are chosen, as far as a person has not decided otherwise.

    Args:
        published: Whether weights of the model are published.
    """
    changes: dict[str, Any] = {}
    untouched = new_config()
    if config.prune.importance == untouched.prune.importance:
        changes["prune.importance"] = "taylor"
    if config.finetune.epochs == 0:
        changes["finetune.epochs"] = EPOCHS_WITH_IMAGES
    if config.model.weights == "random" and published:
        changes["model.weights"] = "pretrained"
    return changes


def brought(changes: Mapping[str, Any]) -> str:
    """What images have changed besides, as a sentence; empty where nothing is."""
    if not changes:
        return ""
    listed = ", ".join(
        f"{display_names.setting(name)}: {settings.value_words(name, value)}" for name, value in changes.items()
    )
    return f"Set for these images: {listed}. Undo (Ctrl+Z) takes this and the images back."
