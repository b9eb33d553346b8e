"""Folders of images as batches of tensors in a model's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from pqv_core.config import channels
from pqv_core.data import brightness, class_order, dataset, images
from pqv_core.engine.context import Context
from pqv_core.engine.data.image_reading import Item, Picture, ReadingRecipe
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.train.augment import Augmentation
from pqv_core.engine.train.seeding import derived
from pqv_core.errors import DataError
from pqv_core.files.fsio import sha256_json

Key = tuple[int, int]
"""An image at a time: (epoch, index)."""

UNREADABLE_SHARE = 0.1
READ_AHEAD_FROM = 512
"""Fewer images are read sooner than a process is up that would read them."""

KEPT_BYTES = 512 * 1024 * 1024
_NAMED = 5


@dataclass(frozen=True)
class Batch:
    """Images as uint8 of shape (N, C, H, W), and their classes as int64 of shape (N,); N may be 0.

    Attributes:
        indices: Which of the set's images these are.
    """

    images: Tensor
    labels: Tensor
    indices: tuple[int, ...]


class Images:
    """A folder of images in a model's form. ``images[i]`` is ((C, H, W) fp32 normalised, class).

    Args:
        samples: Path below the folder, and class, of each image.

    Attributes:
        classes: Names of the classes that the labels index.
    """

    def __init__(
        self, recipe: ReadingRecipe, samples: Sequence[tuple[str, int]], classes: Sequence[str], context: Context
    ) -> None:
        self.classes = tuple(classes)
        self._recipe = recipe
        self._samples = tuple(samples)
        self._context = context
        self._kept: dict[int, Image.Image | Tensor] | None = None
        self._unreadable: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        item = self._item((0, index))
        batch = self._batch([(item, self._here(item))], substitute=True)
        return normalized(batch.images, self.preprocessing)[0], int(batch.labels[0])

    @property
    def preprocessing(self) -> Preprocessing:
        """The model's form."""
        return self._recipe.preprocessing

    @property
    def names(self) -> list[str]:
        """The path of each image below the folder."""
        return [name for name, _ in self._samples]

    @property
    def labels(self) -> list[int]:
        """The class of each image."""
        return [label for _, label in self._samples]

    def augmented(self, augmentation: Augmentation, *, seed: int) -> Images:
        """The same images, changed at random."""
        return self._with(replace(self._recipe, augmentation=augmentation, seed=seed))

    def plain(self) -> Images:
        """The same images as they are."""
        return self._with(replace(self._recipe, augmentation=None))

    def _with(self, recipe: ReadingRecipe) -> Images:
        return Images(recipe, self._samples, self.classes, self._context)

    def identity(self) -> str:
        """A hash of which images these are, by name, and of the form they are brought into."""
        return sha256_json({"classes": self.classes, "samples": self._samples, "form": asdict(self.preprocessing)})

    def remember(self) -> None:
        """Keep decoded images in memory when all of them fit, since they will be read again."""
        if self._decoded_bytes() <= KEPT_BYTES:
            self._kept = {}

    def _decoded_bytes(self) -> int:
        channels, height, width = self.preprocessing.input_size
        if self._recipe.augmentation is None:
            return len(self) * channels * height * width
        chosen = range(0, len(self), max(1, len(self) // 16))
        sizes = [images.pixels(self._recipe.folder / self._samples[index][0]) for index in chosen]
        return len(self) * channels * sum(sizes) // len(sizes)

    def batches(self, plan: Iterable[Sequence[Key]], *, substitute: bool = False) -> Iterator[Batch]:
        """Read the images of each planned batch, ahead of time in other processes where that pays.

        Args:
            plan: The keys of each batch.
            substitute: Give the next readable image in place of an unreadable one, so that batches keep
                their size; else the unreadable are left out.

        Raises:
            DataError: Too many images cannot be read, or reading them stands still.
            Cancelled: The end was asked for; noticed before each image.
        """
        for read in self._read([self._item(key) for key in keys] for keys in plan):
            yield self._batch(read, substitute=substitute)

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

    def _read(self, plan: Iterable[list[Item]]) -> Iterator[list[tuple[Item, Picture]]]:
        readers = self._context.readers
        if readers is None or readers.count == 0 or self._kept is not None or len(self) < READ_AHEAD_FROM:
            return ([(item, self._here(item)) for item in items] for items in plan)
        return readers.read(self._recipe, plan, here=self._here, context=self._context)

    def _item(self, key: Key) -> Item:
        epoch, index = key
        return Item(epoch, index, self._samples[index][0])

    def _here(self, item: Item) -> Picture:
        """Read one image in this process, or take it from memory."""
        self._context.check_cancelled()
        kept = self._kept.get(item.index) if self._kept is not None else None
        if isinstance(kept, Tensor):
            return kept
        try:
            image = kept if kept is not None else self._recipe.open(item.path)
        except images.UnreadableImageError as error:
            return error.reason
        tensor = self._recipe.finish(image, epoch=item.epoch, index=item.index)
        if self._kept is not None:
            self._kept[item.index] = image if self._recipe.augmentation else tensor
        return tensor

    def _batch(self, read: Sequence[tuple[Item, Picture]], *, substitute: bool) -> Batch:
        problems = {item.index: picture for item, picture in read if isinstance(picture, str)}
        pictures, labels, indices = [], [], []
        for item, picture in read:
            if isinstance(picture, str) and substitute:
                item, picture = self._next_readable(item, problems)
            if isinstance(picture, Tensor):
                pictures.append(picture)
                labels.append(self._samples[item.index][1])
                indices.append(item.index)
        self._note(problems)
        return Batch(
            torch.stack(pictures) if pictures else torch.empty(0, dtype=torch.uint8),
            torch.tensor(labels, dtype=torch.int64),
            tuple(indices),
        )

    def _next_readable(self, item: Item, problems: dict[int, str]) -> tuple[Item, Picture]:
        """The first image after ``item`` that can be read, for the same epoch; notes those that cannot."""
        for step in range(1, len(self)):
            other = self._item((item.epoch, (item.index + step) % len(self)))
            picture = self._here(other)
            if isinstance(picture, Tensor):
                return other, picture
            problems[other.index] = picture
        return item, problems[item.index]

    def _note(self, problems: Mapping[int, str]) -> None:
        """Remember which images cannot be read, say so once, and stop when they are too many."""
        new = {index: reason for index, reason in problems.items() if index not in self._unreadable}
        if not new:
            return
        self._unreadable |= new
        count, total = len(self._unreadable), len(self)
        if count == total or count > max(1, UNREADABLE_SHARE * total):
            raise DataError(
                f"{count} of {total} images in {images.shown(self._recipe.folder)} cannot be read: {self._named()}.",
                action="Replace or remove these files, then run again.",
                details="\n".join(self._name(index) for index in self._unreadable),
            )
        for index in new:
            self._context.log(f"{self._name(index)} cannot be read and is skipped.", level="warning")

    def report_unreadable(self) -> None:
        """Keep with the result how many images were left out."""
        if self._unreadable:
            self._context.warn(
                f"{len(self._unreadable)} of {len(self)} images could not be read and were skipped: {self._named()}."
            )

    def _named(self) -> str:
        ordered = sorted(self._unreadable)
        names = ", ".join(self._name(index) for index in ordered[:_NAMED])
        return names + (", …" if len(ordered) > _NAMED else "")

    def _name(self, index: int) -> str:
        name = images.shown(self._samples[index][0])
        return f"{name} ({self._unreadable[index]})"


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
        ConfigError: Images cannot be read with as many channels as the model takes.
        DataError: The folder is missing, empty, has no classes, or a class that is not in ``classes``; or the values of
            its images need a scale that was not told.
    """
    problem = channels.image_problem(preprocessing.channels)
    if problem is not None:
        raise problem
    found = dataset.listing(folder)
    names = found.classes if classes is None else tuple(class_order.composed(name) for name in classes)
    dataset.check_pair(names, found.classes)
    position = {name: index for index, name in enumerate(names)}
    samples = [(path, position[found.classes[label]]) for path, label in found.samples]
    if limit is not None:
        samples = [samples[index] for index in dataset.spread([label for _, label in samples], limit)]
    _check_brightness(folder, samples, preprocessing, context)
    return Images(ReadingRecipe(folder, preprocessing, seed=seed), samples, names, context)


def _check_brightness(
    folder: Path, samples: Sequence[tuple[str, int]], preprocessing: Preprocessing, context: Context
) -> None:
    """Look at a few images before all are read: refuse a set without a scale, and warn of one that comes out dark."""
    found = dataset.brightest(folder, samples)
    error = brightness.missing(found, preprocessing.scale, folder)
    if error is not None:
        raise error
    if warning := brightness.warning(found, preprocessing.scale):
        context.warn(warning)


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
