"""Which network, and where its weights come from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pqv_core.config.base import Config, PathText

WeightsSource = Literal["random", "pretrained", "file"]
Argument = str | int | float | bool | None


class ModelConfig(Config):
    """A timm model by name.

    Attributes:
        name: timm's model name, such as ``deit_small_patch16_224``.
        weights: ``pretrained`` (published with timm), ``file`` (then ``path``) or ``random``.
        path: A ``.safetensors`` or ``.pth`` file; relative paths start at the project's folder.
        arguments: Keyword arguments for ``timm.create_model``, such as ``img_size`` or ``num_classes``.
    """

    name: str = Field(default="deit_small_patch16_224", min_length=1)
    weights: WeightsSource = "random"
    path: PathText | None = None
    arguments: dict[str, Argument] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _file_needs_path(self) -> Self:
        if self.weights == "file" and not self.path:
            raise ValueError("a weights file must be named when the weights come from a file")
        return self
