"""Single images as a model takes them: the same pixels whichever process reads them, and in whichever order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pqv_core.data import images
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.train.augment import Augmentation, Transform, transform
from pqv_core.engine.train.seeding import seed_host


@dataclass(frozen=True)
class ReadingRecipe:
    """How the images of a folder become tensors.

    Attributes:
        augmentation: Random changes, drawn from (seed, epoch, index) alone.

    Raises:
        ConfigError: timm does not know the augmentation's policy, or colours cannot be changed in so many channels.
    """

    folder: Path
    preprocessing: Preprocessing
    augmentation: Augmentation | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        _transform(self.preprocessing, self.augmentation)  # so that a wrong policy is told before the first image

    def open(self, path: str) -> Image.Image:
        """The picture as it is.

        Raises:
            UnreadableImageError: As ``images.read``.
        """
        return images.read(self.folder / path, channels=self.preprocessing.channels, scale=self.preprocessing.scale)

    def finish(self, picture: Image.Image, *, epoch: int, index: int) -> Tensor:
        """A picture as uint8 of shape (C, H, W), changed as this image is changed in this epoch."""
        if self.augmentation:
            seed_host(self.seed, "image", epoch, index)
        return _transform(self.preprocessing, self.augmentation)(picture)


@dataclass(frozen=True)
class Item:
    """One image to read: the ``index``-th of its set, for the ``epoch``-th time; ``path`` is below the folder."""

    epoch: int
    index: int
    path: str


@dataclass(frozen=True)
class Chunk:
    """Some images as read, in plain memory, so that they can be handed from process to process.

    Attributes:
        pixels: uint8 of shape (N, C, H, W), of the readable ones in their order.
        problems: By place among the items asked for, why it cannot be read.
    """

    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    problems: dict[int, str]


Picture = Tensor | str
"""An image as uint8 of shape (C, H, W), or why it cannot be read."""


def read(recipe: ReadingRecipe, item: Item) -> Picture:
    """Read one image."""
    try:
        return recipe.finish(recipe.open(item.path), epoch=item.epoch, index=item.index)
    except images.UnreadableImageError as error:
        return error.reason


def read_chunk(recipe: ReadingRecipe, items: Sequence[Item], *, tick: Callable[[], None]) -> Chunk:
    """Read some images, for another process; ``tick`` is called after each."""
    pictures = []
    for item in items:
        pictures.append(read(recipe, item))
        tick()
    problems = {place: picture for place, picture in enumerate(pictures) if isinstance(picture, str)}
    whole = [picture.numpy() for picture in pictures if isinstance(picture, Tensor)]
    return Chunk(np.stack(whole) if whole else np.empty(0, np.uint8), problems)


def unpacked(chunk: Chunk) -> list[Picture]:
    """The pictures of a chunk, each in the place in which it was asked for."""
    pixels = iter(torch.from_numpy(chunk.pixels))
    count = len(chunk.pixels) + len(chunk.problems)
    return [chunk.problems[place] if place in chunk.problems else next(pixels) for place in range(count)]


@lru_cache(maxsize=4)
def _transform(preprocessing: Preprocessing, augmentation: Augmentation | None) -> Transform:
    return transform(preprocessing, augmentation)
