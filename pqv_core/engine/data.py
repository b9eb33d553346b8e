"""Folders of images as batches of tensors in a model's form."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pqv_core import dataset, images
from pqv_core.engine.augment import Augmentation, transform
from pqv_core.engine.context import Context
from pqv_core.engine.preprocessing import Preprocessing
from pqv_core.engine.seeding import derived, seed_host
from pqv_core.errors import DataError
from pqv_core.fsio import sha256_json

Key = tuple[int, int]
"""An image at a time: (epoch, index)."""

UNREADABLE_SHARE = 0.1
_MEMORY_BYTES = 512 * 1024 * 1024
_NAMED = 5


@dataclass(frozen=True)
class Loaded:
    """One image as read: uint8 of shape (C, H, W), None where it cannot be; and what could not be read."""

    image: Tensor | None
    label: int
    unreadable: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Batch:
    """Images as uint8 of shape (N, C, H, W), and their classes as int64 of shape (N,); N may be 0."""

    images: Tensor
    labels: Tensor
    unreadable: tuple[tuple[int, str], ...] = ()


@dataclass
class Reader(Dataset[Loaded]):
    """Reads single images; goes to the processes that read ahead, so it holds plain data only.

    Attributes:
        samples: Path below ``folder`` and class of each image.
        augmentation: Random changes, drawn from (seed, epoch, index) alone.
        substitute: In place of an unreadable image give the next readable one.
        remember: Keep what was decoded in memory.
    """

    folder: Path
    samples: tuple[tuple[str, int], ...]
    preprocessing: Preprocessing
    seed: int
    augmentation: Augmentation | None = None
    substitute: bool = False
    remember: bool = False
    _kept: dict[int, Image.Image | Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._transform = transform(self.preprocessing, self.augmentation)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key) -> Loaded:
        epoch, first = key
        unreadable: list[tuple[int, str]] = []
        for step in range(len(self) if self.substitute else 1):
            index = (first + step) % len(self)
            try:
                image = self._tensor(epoch, index)
            except images.UnreadableImageError as error:
                unreadable.append((index, error.reason))
            else:
                return Loaded(image, self.samples[index][1], tuple(unreadable))
        return Loaded(None, self.samples[first][1], tuple(unreadable))

    def _tensor(self, epoch: int, index: int) -> Tensor:
        kept = self._kept.get(index)
        if isinstance(kept, Tensor):
            return kept
        image = kept if kept is not None else self._read(index)
        if self.augmentation:
            seed_host(self.seed, "image", epoch, index)
        tensor: Tensor = self._transform(image)
        if self.remember:
            self._kept[index] = image if self.augmentation else tensor
        return tensor

    def _read(self, index: int) -> Image.Image:
        path = self.folder / self.samples[index][0]
        return images.read(path, channels=self.preprocessing.input_size[0])


class Images(Dataset[tuple[Tensor, int]]):
    """A folder of images in a model's form. ``images[i]`` is ((C, H, W) fp32 normalised, class).

    Attributes:
        classes: Names of the classes that the labels index.
        preprocessing: The model's form.
    """

    def __init__(self, reader: Reader, classes: Sequence[str], context: Context) -> None:
        self.classes = tuple(classes)
        self.preprocessing = reader.preprocessing
        self._reader = reader
        self._context = context
        self._unreadable: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._reader)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        loaded = replace(self._reader, substitute=True)[0, index]
        self._note(loaded.unreadable)
        assert loaded.image is not None  # else _note has raised
        return normalized(loaded.image[None], self.preprocessing)[0], loaded.label

    @property
    def labels(self) -> list[int]:
        """The class of each image."""
        return [label for _, label in self._reader.samples]

    def augmented(self, augmentation: Augmentation, *, seed: int) -> Images:
        """The same images, changed at random."""
        reader = replace(self._reader, augmentation=augmentation, seed=seed, _kept={})
        return Images(reader, self.classes, self._context)

    def plain(self) -> Images:
        """The same images as they are."""
        return Images(replace(self._reader, augmentation=None, _kept={}), self.classes, self._context)

    def identity(self) -> str:
        """A hash of which images these are, by name, and of the form they are brought into."""
        return sha256_json(
            {"classes": self.classes, "samples": self._reader.samples, "form": asdict(self.preprocessing)}
        )

    def remember(self) -> None:
        """Keep decoded images in memory when all of them fit, since they will be read again."""
        self._reader.remember = self._decoded_bytes() <= _MEMORY_BYTES

    def _decoded_bytes(self) -> int:
        channels, height, width = self.preprocessing.input_size
        if self._reader.augmentation is None:
            return len(self) * channels * height * width
        chosen = range(0, len(self), max(1, len(self) // 16))
        sizes = [images.pixels(self._reader.folder / self._reader.samples[index][0]) for index in chosen]
        return len(self) * channels * sum(sizes) // len(sizes)

    def batches(self, plan: Iterable[Sequence[Key]], *, substitute: bool = False) -> Iterator[Batch]:
        """Read the images of each planned batch, ahead of time in other processes where that pays.

        Args:
            plan: The keys of each batch.
            substitute: Give the next readable image in place of an unreadable one, so that batches keep
                their size; else the unreadable are left out.

        Raises:
            DataError: Too many images cannot be read.
            Cancelled: The end was asked for; noticed before each image.
        """
        reader = replace(self._reader, substitute=substitute, _kept=self._reader._kept)
        workers = self._workers()
        loaded = _read_ahead(reader, plan, workers) if workers else self._read_here(reader, plan)
        for batch in loaded:
            self._note(batch.unreadable)
            yield batch

    def in_order(self, batch_size: int, *, epoch: int = 0, part: tuple[int, int] = (0, 1)) -> Iterator[Batch]:
        """All images once, in their order.

        Args:
            epoch: Which time this is, for augmentation.
            part: (index, number): only the batches of this part of all.
        """
        index, number = part
        return self.batches(
            [(epoch, place) for place in range(start, min(start + batch_size, len(self)))]
            for start in range(index * batch_size, len(self), number * batch_size)
        )

    def _workers(self) -> int:
        """Processes that read ahead: none where images stay in memory or are few."""
        if self._reader.remember or len(self) < 512:
            return 0
        return min(8, _cores() - 1)

    def _read_here(self, reader: Reader, plan: Iterable[Sequence[Key]]) -> Iterator[Batch]:
        for keys in plan:
            found = []
            for key in keys:
                self._context.check_cancelled()
                found.append(reader[key])
            yield _collated(found)

    def _note(self, unreadable: Iterable[tuple[int, str]]) -> None:
        """Remember which images cannot be read, say so once, and stop when they are too many."""
        new = {index: reason for index, reason in unreadable if index not in self._unreadable}
        if not new:
            return
        self._unreadable |= new
        count, total = len(self._unreadable), len(self)
        if count == total or count > max(1, UNREADABLE_SHARE * total):
            raise DataError(
                f"{count} of {total} images in {images.shown(self._reader.folder)} cannot be read: {self._named()}.",
                action="Replace or remove these files, then run again.",
                details="\n".join(self._name(index) for index in self._unreadable),
            )
        for index in new:
            self._context.log(f"{self._name(index)} cannot be read and is left out.", level="warning")

    def report_unreadable(self) -> None:
        """Keep with the result how many images were left out."""
        if self._unreadable:
            self._context.warn(
                f"{len(self._unreadable)} of {len(self)} images could not be read and were left out: {self._named()}."
            )

    def _named(self) -> str:
        ordered = sorted(self._unreadable)
        names = ", ".join(self._name(index) for index in ordered[:_NAMED])
        return names + (", …" if len(ordered) > _NAMED else "")

    def _name(self, index: int) -> str:
        name = images.shown(self._reader.samples[index][0])
        return f"{name} ({self._unreadable[index]})"


def _read_ahead(reader: Reader, plan: Iterable[Sequence[Key]], workers: int) -> Iterator[Batch]:
    loader = DataLoader(
        reader,
        batch_sampler=cast("Iterable[list[int]]", _Plan(plan)),
        collate_fn=_collated,
        num_workers=workers,
        generator=torch.Generator().manual_seed(0),  # leaves torch's own generator alone
    )
    yield from loader


class _Plan:
    """An iterable that may be longer than memory; DataLoader asks for no length."""

    def __init__(self, keys: Iterable[Sequence[Key]]) -> None:
        self._keys = keys

    def __iter__(self) -> Iterator[list[Key]]:
        return (list(keys) for keys in self._keys)


def _collated(loaded: Sequence[Loaded]) -> Batch:
    whole = [item for item in loaded if item.image is not None]
    pictures = [cast(Tensor, item.image) for item in whole]
    return Batch(
        torch.stack(pictures) if pictures else torch.empty(0, dtype=torch.uint8),
        torch.tensor([item.label for item in whole], dtype=torch.int64),
        tuple(problem for item in loaded for problem in item.unreadable),
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def normalized(pictures: Tensor, preprocessing: Preprocessing, device: torch.device | None = None) -> Tensor:
    """uint8 images of shape (N, C, H, W) as the model takes them: fp32, scaled to 0 … 1, normalised."""
    shape = (1, -1, 1, 1)
    result = pictures.to(device or pictures.device, non_blocking=True).float().div_(255)
    mean = torch.tensor(preprocessing.mean, device=result.device).view(shape)
    std = torch.tensor(preprocessing.std, device=result.device).view(shape)
    return result.sub_(mean).div_(std)


def open_images(
    folder: Path,
    *,
    preprocessing: Preprocessing,
    context: Context,
    classes: Sequence[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Images:
    """The images of a folder that holds one sub-folder a class.

    Args:
        folder: Where they lie.
        preprocessing: The form that the model takes.
        classes: Names that labels index; by default those of the folder itself.
        limit: Most images to use, spread evenly over the classes.
        seed: Of what is random about them once they are augmented.

    Raises:
        DataError: The folder is missing, empty, has no classes, or a class that is not in ``classes``.
    """
    found = dataset.listing(folder)
    names = found.classes if classes is None else tuple(classes)
    dataset.check_pair(names, found.classes)
    position = {name: index for index, name in enumerate(names)}
    samples = [(path, position[found.classes[label]]) for path, label in found.samples]
    if limit is not None:
        samples = [samples[index] for index in dataset.spread([label for _, label in samples], limit)]
    reader = Reader(folder, tuple(samples), preprocessing, seed)
    return Images(reader, names, context)


def calibration_batches(
    folder: Path,
    *,
    preprocessing: Preprocessing,
    images: int,
    batch_size: int,
    seed: int,
    context: Context,
    classes: Sequence[str] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of (images fp32 of shape (N, C, H, W), classes of shape (N,)), spread evenly over the classes.

    Args:
        images: Number of images; fewer where the folder holds fewer.
        seed: Shuffles them, so that each batch holds several classes.

    Raises:
        DataError: As ``open_images``, or too many images cannot be read.
    """
    chosen = open_images(folder, preprocessing=preprocessing, classes=classes, limit=images, seed=seed, context=context)
    generator = torch.Generator().manual_seed(derived(seed, "calibration"))
    order = torch.randperm(len(chosen), generator=generator).tolist()
    plan = [[(0, index) for index in order[start : start + batch_size]] for start in range(0, len(order), batch_size)]
    for batch in chosen.batches(plan):
        if len(batch.labels):
            yield normalized(batch.images, preprocessing), batch.labels
    chosen.report_unreadable()
