"""What is cut, by how much, and how the least important parts are found."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pqv_core.config.base import Config, one_of
from pqv_core.criteria import CRITERIA

Importance = Annotated[str, one_of(CRITERIA)]
AttentionUnit = Literal["width", "heads"]
Distribution = Literal["uniform", "global"]
MAX_RATIO = 0.9


class PruneConfig(Config):
    """Structured pruning (DepGraph, Fang et al. 2023): whole channels and heads are removed.

    Attributes:
        enabled: False leaves the model as it is.
        importance: Criterion that ranks what to remove.
        ratio: Share of each width that is removed, between 0 and 0.9.
        mlp: Cut the hidden width of the MLPs.
        attention: Cut the attention.
        attention_unit: ``width`` narrows every head, ``heads`` removes whole heads; attention that can only be cut in
            one of the two ways is cut in that.
        embedding: Cut the embedding dimension.
        round_to: Every width that is left is a multiple of this.
        distribution: ``uniform`` cuts the same share of every width; ``global`` cuts the least important parts of
            each kind wherever they are: those that cost the loss least by criteria that estimate it, and those whose
            weights are smallest beside the others of their layer by L1 and L2. A layer that does nothing goes first.
        max_ratio: With ``global``, no width loses more than this share (or ``ratio``, when that is more).
        steps: Cut in this many steps, and measure the importance again before each.
        epochs_between: Epochs of fine-tuning after each step but the last; otherwise with the settings of fine-tuning.
        sparse_epochs: Epochs of training before pruning with a penalty on the group norm of what would be cut, so
            that it shrinks; otherwise with the settings of fine-tuning. 0 leaves it out.
        sparse_strength: Share of their size that the weights of it lose in that time, if training lets them.
        images: Calibration images for criteria that need gradients.
        batch_size: Calibration images a step.
    """

    enabled: bool = True
    importance: Importance = "taylor"
    ratio: float = 0.25
    mlp: bool = True
    attention: bool = True
    attention_unit: AttentionUnit = "width"
    embedding: bool = False
    round_to: int = Field(default=8, ge=1, le=64)
    distribution: Distribution = "uniform"
    max_ratio: float = Field(default=0.5, gt=0, le=MAX_RATIO)
    steps: int = Field(default=1, ge=1, le=100)
    epochs_between: int = Field(default=0, ge=0, le=10_000)
    sparse_epochs: int = Field(default=0, ge=0, le=10_000)
    sparse_strength: float = Field(default=0.95, gt=0, lt=1)
    images: int = Field(default=128, ge=1)
    batch_size: int = Field(default=16, ge=1, le=4096)

    @field_validator("ratio")
    @classmethod
    def _ratio_is_a_share(cls, value: float) -> float:
        if value == 0:
            raise ValueError("a ratio of 0 removes nothing; turn pruning off instead")
        if not 0 < value <= MAX_RATIO:
            raise ValueError(f"the pruning ratio must be above 0 and at most {MAX_RATIO}")
        return value

    @model_validator(mode="after")
    def _something_is_cut(self) -> Self:
        if self.enabled and not (self.mlp or self.attention or self.embedding):
            raise ValueError("choose what to cut (mlp, attention or embedding), or turn pruning off")
        return self

    @property
    def trains_between(self) -> bool:
        """Whether the model is fine-tuned between the steps in which it is cut."""
        return self.enabled and self.steps > 1 and self.epochs_between > 0

    def told(self) -> dict[str, Any]:
        """The settings as files tell them, as JSON: those of training between steps only where there is one."""
        return self.model_dump(mode="json", exclude=set() if self.trains_between else {"epochs_between"})

    def rounding(self, *, heads: int = 1) -> int:
        """What a width is rounded to; with ``heads``, that of each of them."""
        return self.round_to

    def aligned(self, multiple: int) -> PruneConfig:
        """The same pruning, with widths rounded so that what reads them has a multiple of so many inputs, too."""
        if multiple == 1 or not self.enabled:
            return self
        return AlignedPruneConfig.parse({**self.model_dump(), "multiple": multiple})


class AlignedPruneConfig(PruneConfig):
    """Pruning for a scheme that asks something of widths (``Scheme.inputs_multiple``): no setting, so in no file.

    Attributes:
        multiple: The number of inputs of the layers that read a width is a multiple of this; not where whole heads go.
    """

    multiple: int = Field(ge=1)

    def rounding(self, *, heads: int = 1) -> int:
        """As ``PruneConfig.rounding``: the inputs count, which all heads make together."""
        return math.lcm(self.round_to, self.multiple // math.gcd(self.multiple, heads))
