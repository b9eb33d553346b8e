"""Changing training images at random, by timm's own transforms.

Everything drawn derives from (seed, epoch, index) for one image and from (seed, step) for mixing two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from PIL import Image
from timm.data.auto_augment import AutoAugment, posterize
from timm.data.mixup import Mixup
from timm.data.random_erasing import RandomErasing
from timm.data.transforms_factory import transforms_imagenet_eval, transforms_imagenet_train
from torch import Tensor

from pqv_core.config import FinetuneConfig, channels
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.errors import ConfigError

Transform = Callable[[Image.Image], Tensor]
"""A picture to uint8 of shape (C, H, W)."""


@dataclass(frozen=True)
class Augmentation:
    """What happens to single images; the attributes are those of ``FinetuneConfig``."""

    crop_scale: float = 0.5
    flip: float = 0.5
    color_jitter: float = 0.0
    auto_augment: str = ""
    random_erasing: float = 0.0

    @classmethod
    def of(cls, config: FinetuneConfig) -> Augmentation:
        """The part of the settings that is about single images."""
        return cls(**config.model_dump(include=set(cls.__dataclass_fields__)))


def transform(preprocessing: Preprocessing, augmentation: Augmentation | None) -> Transform:
    """timm's transforms up to uint8; scaling and normalising follow for a whole batch at once.

    Raises:
        ConfigError: timm does not know the policy, or changes colours in grey and RGB images only.
    """
    if augmentation is None:
        plain = transforms_imagenet_eval(
            img_size=preprocessing.input_size[1:],
            crop_pct=preprocessing.crop_pct,
            crop_mode=preprocessing.crop_mode,
            interpolation=preprocessing.interpolation,
            mean=preprocessing.mean,  # the colour of a border
            use_prefetcher=True,
        )
        return cast(Transform, plain)
    return _random(preprocessing, augmentation)


def _random(preprocessing: Preprocessing, augmentation: Augmentation) -> Transform:
    problem = channels.colour_problem(
        preprocessing.channels, color_jitter=augmentation.color_jitter, auto_augment=augmentation.auto_augment
    )
    if problem is not None:
        raise problem
    arguments: dict[str, Any] = {
        "img_size": preprocessing.input_size[1:],
        "scale": (augmentation.crop_scale, 1.0),
        "hflip": augmentation.flip,
        "color_jitter": augmentation.color_jitter or None,
        "force_color_jitter": True,
        "auto_augment": augmentation.auto_augment or None,
        "interpolation": preprocessing.interpolation,
        "mean": preprocessing.mean,
        "use_prefetcher": True,
    }
    try:
        pictures = transforms_imagenet_train(**arguments)
    except (AssertionError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"Unknown timm augmentation: {augmentation.auto_augment!r}.",
            field="finetune.auto_augment",
            action="Use a policy such as rand-m9-mstd0.5-inc1, or none.",
            details=str(error),
        ) from error
    _keep_no_bits(pictures)
    if augmentation.random_erasing == 0:
        return cast(Transform, pictures)
    return _Erasing(cast(Transform, pictures), preprocessing, augmentation.random_erasing)


def _keep_no_bits(pictures: Any) -> None:
    """Let policies posterize to no bits at all, which is black: timm draws 0 bits, and Pillow 13 refuses them."""
    for step in pictures.transforms:
        policies = step.policy if isinstance(step, AutoAugment) else [getattr(step, "ops", ())]
        for operation in (operation for policy in policies for operation in policy):
            if operation.aug_fn is posterize:
                operation.aug_fn = _posterized


def _posterized(picture: Image.Image, bits: int, **_: Any) -> Image.Image:
    return posterize(picture, bits) if bits > 0 else Image.new(picture.mode, picture.size)


class _Erasing:
    """Blanks a rectangle with the mean colour (Zhong et al. 2020), which normalising turns to 0 as timm has it."""

    def __init__(self, before: Transform, preprocessing: Preprocessing, probability: float) -> None:
        self._before = before
        self._erase = RandomErasing(probability, mode="const", device="cpu")
        mean = torch.tensor(preprocessing.mean).mul(255).round()
        self._colour = mean.to(torch.uint8).view(-1, 1, 1)

    def __call__(self, picture: Image.Image) -> Tensor:
        image = self._before(picture)
        kept = self._erase(torch.ones(1, *image.shape[1:]))
        return torch.where(kept.bool(), image, self._colour)


def mixer(config: FinetuneConfig, *, classes: int) -> Mixup | None:
    """mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) of pairs in a batch; None where neither is asked for.

    It takes (images, labels) with an even number of images, changes the images in place and gives
    (images, targets of shape (N, classes)) with the label smoothing in them.
    """
    if config.mixup == 0 and config.cutmix == 0:
        return None
    return Mixup(
        mixup_alpha=config.mixup,
        cutmix_alpha=config.cutmix,
        label_smoothing=config.label_smoothing,
        num_classes=classes,
    )
