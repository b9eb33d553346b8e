"""How the pruned model is trained back to accuracy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pqv_core.config.base import Config

Device = Literal["auto", "cpu", "cuda", "mps"]
MixedPrecision = Literal["auto", "no", "bf16", "fp16"]


class FinetuneConfig(Config):
    """AdamW with warm-up and a cosine schedule. The paper's setting: lr 1.5e-4, batch 64, 60 epochs.

    Attributes:
        epochs: 0 to skip fine-tuning.
        batch_size: Images a step, over all processes.
        accumulation: Parts in which a step's images go through the model, to save memory.
        learning_rate: Highest learning rate, after warm-up.
        layer_decay: Learning rate factor per layer, from top to bottom; 1 for no decay.
        weight_decay: AdamW's decoupled weight decay; not applied to biases, norms and embeddings.
        warmup_epochs: Epochs over which the learning rate rises from 0; may be a fraction.
        label_smoothing: Share of the target spread over the other classes.
        clip_norm: Largest gradient norm; None for no clipping.
        augment: Random crop and flip of training images, and what follows down to ``random_erasing``.
        crop_scale: Smallest share of an image's area that a random crop keeps.
        flip: Probability that an image is mirrored.
        color_jitter: Strength of random changes of brightness, contrast and saturation.
        auto_augment: A policy in timm's words, such as ``rand-m9-mstd0.5-inc1``; empty for none.
        random_erasing: Probability that a rectangle of an image is blanked.
        mixup: Alpha of mixup, which blends pairs of images; 0 for none.
        cutmix: Alpha of CutMix, which pastes a part of one image into another; 0 for none.
        ema_decay: Share of its past that a running average of the weights keeps a step; the average is then
            validated and kept. None for none.
        distillation: Weight of learning from the unpruned model's answers against that of the labels.
        temperature: Softens both answers for distillation.
        feature_distillation: Weight of learning the unpruned model's last features; needs an uncut embedding.
        patience: Epochs without a better validation after which to stop; None never stops early.
        device: Where to train; ``auto`` takes CUDA, then MPS, then the CPU.
        mixed_precision: 16-bit arithmetic; ``auto`` uses it on CUDA.
    """

    epochs: int = Field(default=0, ge=0, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=65_536)
    accumulation: int = Field(default=1, ge=1, le=1024)
    learning_rate: float = Field(default=1.5e-4, gt=0, le=10)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0, le=1)
    warmup_epochs: float = Field(default=0.5, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    clip_norm: float | None = Field(default=1.0, gt=0)
    augment: bool = True
    crop_scale: float = Field(default=0.5, gt=0, le=1)
    flip: float = Field(default=0.5, ge=0, le=1)
    color_jitter: float = Field(default=0.0, ge=0, le=1)
    auto_augment: str = Field(default="", pattern=r"^((rand|augmix|original|originalr|v0|v0r|3a)(-[a-z]+[0-9.]*)*)?$")
    random_erasing: float = Field(default=0.0, ge=0, le=1)
    mixup: float = Field(default=0.0, ge=0, le=10)
    cutmix: float = Field(default=0.0, ge=0, le=10)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    distillation: float = Field(default=0.0, ge=0, le=1)
    temperature: float = Field(default=2.0, gt=0, le=100)
    feature_distillation: float = Field(default=0.0, ge=0, le=100)
    patience: int | None = Field(default=None, ge=1)
    device: Device = "auto"
    mixed_precision: MixedPrecision = "auto"

    @property
    def needs_teacher(self) -> bool:
        """Whether the unpruned model takes part."""
        return self.distillation > 0 or self.feature_distillation > 0
