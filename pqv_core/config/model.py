"""Which network, and where its weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pqv_core.config.base import Config, PathText, one_of
from pqv_core.models.sources import DEFAULT, SOURCES

WeightsSource = Literal["random", "pretrained", "file"]
MAX_CHANNELS = 1024
IMAGE_CHANNELS = (1, 3, 4)
"""Channels that images can be read with: grey, RGB, and any four as they are. Noise has as many as are asked for."""
Argument = str | int | float | bool | None
# Beyond what anybody builds: making the model would fill the memory, or go on for hours, before anybody refuses.
_HIGHEST = {"depth": 1_000, "img_size": 8_192}
_HIGHEST_OF_OTHERS = 1_000_000


def argument_problem(arguments: Mapping[str, Argument], *, source: str) -> str:
    """Why a model of a source cannot be made with these arguments; empty where nothing speaks against them."""
    refused = sorted(SOURCES[source].reserved & set(arguments))
    if refused:
        return f"The model argument {refused[0]} is not allowed here."
    for name, value in sorted(arguments.items()):
        highest = _HIGHEST.get(name, _HIGHEST_OF_OTHERS)
        if isinstance(value, (int, float)) and not abs(value) <= highest:  # nor is NaN
            return f"The argument {name} is {value:,}, but no model has more than {highest:,}."
    return ""


class ModelConfig(Config):
    """A model by name.

    Attributes:
        source: Key of the source that it comes from.
        name: The source's name of the model, such as ``deit_small_patch16_224``.
        weights: ``pretrained`` (published by the source), ``file`` (then ``path``) or ``random``.
        path: A ``.safetensors`` or ``.pth`` file; relative paths start at the project's folder.
        arguments: Keyword arguments with which the source makes the model, such as ``img_size`` or ``num_classes``;
            none that it reserves.
    """

    source: Annotated[str, one_of(SOURCES)] = DEFAULT
    name: str = Field(default="deit_small_patch16_224", min_length=1)
    weights: WeightsSource = "random"
    path: PathText | None = None
    arguments: dict[str, Argument] = Field(default_factory=dict)

    @property
    def channels(self) -> int | None:
        """Channels of the input as the arguments say; None for those of the source's own description."""
        value = self.arguments.get("in_chans")
        return int(value) if value is not None else None

    @field_validator("arguments")
    @classmethod
    def _whole_channels(cls, arguments: dict[str, Argument]) -> dict[str, Argument]:
        value = arguments.get("in_chans")
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and 1 <= int(value) <= MAX_CHANNELS):
            raise ValueError(f"in_chans, the channels of the input, is a whole number from 1 to {MAX_CHANNELS}")
        return arguments

    @model_validator(mode="after")
    def _file_needs_path(self) -> Self:
        if self.weights == "file" and not self.path:
            raise ValueError("weights from a file need a path")
        return self
