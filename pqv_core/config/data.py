"""Which images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pqv_core.config.base import Config, PathText

ORDERS = ("text", "natural")
"""Orders of classes that follow from their names; anything else is the path of a file."""


def _may_be_an_order(text: str) -> str:
    if text not in ORDERS and not re.search(r"[./\\]", text):
        raise ValueError("the class order is text, natural or a file such as classes.txt")
    return text


OrderText = Annotated[PathText, AfterValidator(_may_be_an_order)]


@dataclass(frozen=True)
class Scale:
    """Which stored values are black and white in images of more than 8 bits.

    Attributes:
        white: None for the largest value of each file's bit depth; of 32 bits that says nothing, so it must be told.
    """

    black: float = 0.0
    white: float | None = None


class DataConfig(Config):
    """Folders of images, one sub-folder a class. Without them accuracy is left out, latency is not.

    Attributes:
        train: Folder of training images; relative paths start at the project's folder. Or one of timm's names of
            data sets, such as ``torch/cifar10``, ``hfds/…`` or ``tfds/…``: its training split.
        val: Folder of validation images; or such a name: its validation or test split.
        root: Folder in which named data sets lie, or into which they are downloaded; the user's cache when None.
        class_order: Which output of the model each class folder stands for: by their names as ``text``, in
            ``natural`` order (timm's: 2 before 10), or as a file lists them (``pqv_core.data.class_order``).
        eval_images: Upper limit of validation images to use, evenly spread over the classes; None for all.
        batch_size: Images a step while evaluating.
        white: The stored value that is white in images of more than 8 bits, such as 4095 for a camera of 12 bits whose
            files have 16; None for the largest value of each file's bit depth. Files of 32 bits need it. One scale for
            training and validation; files of 8 bits are never changed.
        black: The stored value that is black in them.
        readers: Processes that read large sets of images ahead; 0 reads them where they are used, None takes as many
            as this computer can spare. Changes no result.
    """

    train: PathText | None = None
    val: PathText | None = None
    root: PathText | None = None
    class_order: OrderText = "text"
    eval_images: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1, le=4096)
    white: float | None = None
    black: float = 0.0
    readers: int | None = Field(default=None, ge=0, le=64)

    @property
    def scale(self) -> Scale:
        """``black`` and ``white`` together."""
        return Scale(self.black, self.white)

    @model_validator(mode="after")
    def _black_below_white(self) -> Self:
        if self.white is not None and self.black >= self.white:
            raise ValueError(f"black ({self.black:g}) must be below white ({self.white:g})")
        return self
