"""How the pruned model is trained back to accuracy."""

from __future__ import annotations

from pydantic import Field

from pqv_core.config.base import Config


class FinetuneConfig(Config):
    """AdamW with warm-up and a cosine schedule. The paper's setting: lr 1.5e-4, batch 64, 60 epochs.

    Attributes:
        epochs: 0 leaves fine-tuning out.
        batch_size: Images a step.
        learning_rate: Highest learning rate, after warm-up.
        weight_decay: AdamW's decoupled weight decay; not applied to biases, norms and embeddings.
        warmup_epochs: Epochs over which the learning rate rises from 0; may be a fraction.
        label_smoothing: Share of the target spread over the other classes.
        clip_norm: Largest gradient norm; None for no clipping.
        augment: Random crop and flip of training images.
    """

    epochs: int = Field(default=0, ge=0, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=65_536)
    learning_rate: float = Field(default=1.5e-4, gt=0, le=10)
    weight_decay: float = Field(default=0.05, ge=0, le=1)
    warmup_epochs: float = Field(default=0.5, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    clip_norm: float | None = Field(default=1.0, gt=0)
    augment: bool = True
