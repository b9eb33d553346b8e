"""Settings that work for a person who only presses Next."""

from __future__ import annotations

from typing import Any

from pqv_core.config import FinetuneConfig, PruneConfig, RunConfig
from pqv_core.project.new_config import EPOCHS_WITH_IMAGES


def new_config() -> RunConfig:
    """A project without images: importance from the weights alone, no fine-tuning."""
    return RunConfig(prune=PruneConfig(importance="l2"), finetune=FinetuneConfig(epochs=0))


def measured_with(config: RunConfig | None, *, threads: int | None) -> RunConfig:
    """A new project's settings, which measure with so many threads where nothing else was asked for."""
    config = config or new_config()
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
