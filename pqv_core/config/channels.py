"""What the channels of a model's input allow."""

from __future__ import annotations

from pqv_core.config import RunConfig
from pqv_core.config.model import IMAGE_CHANNELS
from pqv_core.errors import ConfigError


def image_problem(channels: int) -> ConfigError | None:
    """Why images cannot be read with so many channels; None where they can."""
    if channels in IMAGE_CHANNELS:
        return None
    return ConfigError(
        f"Images have 1, 3 or 4 channels, but the model expects {channels}.",
        field="model.arguments.in_chans",
        action="Set in_chans to 1, 3 or 4, or use no images: latency and size are still measured.",
    )


def colour_problem(channels: int, *, color_jitter: float, auto_augment: str) -> ConfigError | None:
    """Why training images of so many channels cannot be changed as asked; None where they can."""
    vain = next((name for name, asked in (("color_jitter", color_jitter), ("auto_augment", auto_augment)) if asked), "")
    if not vain or channels in (1, 3):
        return None
    return ConfigError(
        f"Random colour changes need grey or RGB images, but the model expects {channels} channels.",
        field=f"finetune.{vain}",
        action=f"Leave finetune.{vain} out ({'0' if vain == 'color_jitter' else 'empty'}): "
        "crops, mirroring, erasing and mixing remain.",
    )


def problem(config: RunConfig) -> ConfigError | None:
    """Why a run's images do not go with the channels of its model; None where they do, as far as the arguments say."""
    channels, tune = config.model.channels, config.finetune
    if channels is None or not (config.data.train or config.data.val):
        return None
    found = image_problem(channels)
    trains = tune.epochs or config.prune.sparse_epochs or config.prune.trains_between
    if found is None and tune.augment and trains:
        found = colour_problem(channels, color_jitter=tune.color_jitter, auto_augment=tune.auto_augment)
    return found
