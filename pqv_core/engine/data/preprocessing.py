"""How an image becomes the tensor that a model expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pqv_core.config.data import Scale

Interpolation = Literal["nearest", "bilinear", "bicubic"]
CropMode = Literal["center", "squash", "border"]


@dataclass(frozen=True)
class Preprocessing:
    """A model's input, as its source describes it, and how files become its pixels.

    Attributes:
        input_size: (channels, height, width) of the tensor.
        mean: Of each channel, subtracted once pixels lie in 0 … 1.
        std: Of each channel, divided by after the mean.
        interpolation: Filter of the resizing.
        crop_pct: Share of the resized image that the centre crop keeps.
        crop_mode: How an image of another shape is brought to the input's: cut, squashed or given a border.
        black: The stored value that is black in images of more than 8 bits.
        white: The one that is white; None for the largest of each file's bit depth.
    """

    input_size: tuple[int, int, int] = (3, 224, 224)
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    interpolation: Interpolation = "bicubic"
    crop_pct: float = 0.9
    crop_mode: CropMode = "center"
    black: float = 0.0
    white: float | None = None

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self.input_size[0]

    @property
    def scale(self) -> Scale:
        """What is black and white in images of more than 8 bits."""
        return Scale(self.black, self.white)
