"""Folders of images, one sub-folder a class (the ImageFolder layout), looked at without torch."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pqv_core import brightness, images
from pqv_core.errors import Cancelled, DataError, from_os_error

TRAIN_NAMES = ("train", "training")
VAL_NAMES = ("val", "validation", "valid", "test")
THUMBNAILS = 12
_NAMED = re.compile(r"(torch|hfds|hfids|tfds|wds)/[\w.\-]+(/[\w.\-]+)*", re.IGNORECASE)
_KINDS = "JPEG, PNG, WebP, BMP, TIFF, GIF and PPM"


@dataclass(frozen=True)
class Pair:
    """The folders of training and of validation images; one of them may be missing."""

    train: Path | None
    val: Path | None


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, by name only.

    Attributes:
        classes: Names of the sub-folders that hold images, sorted.
        samples: Path relative to ``folder`` with forward slashes, and index into ``classes``; by path.
    """

    folder: Path
    classes: tuple[str, ...]
    samples: tuple[tuple[str, int], ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Images a class."""
        counter = Counter(label for _, label in self.samples)
        return tuple(counter[index] for index in range(len(self.classes)))


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be used: its path relative to the folder, and a few words why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a person wants to know about a folder of images.

    Attributes:
        classes: Sorted names.
        counts: Images a class, readable or not.
        unreadable: Images that cannot be used.
        thumbnails: A few readable images, spread over the classes.
        brightest: What values there are in images of more than 8 bits.
    """

    folder: Path
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    unreadable: tuple[Unreadable, ...]
    thumbnails: tuple[Path, ...]
    brightest: brightness.Found = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Number of images, readable or not."""
        return sum(self.counts)


def is_named(stored: str) -> bool:
    """Whether a setting names one of timm's data sets (``torch/cifar10``) and not a folder."""
    return _NAMED.fullmatch(stored) is not None


def find(folder: Path) -> Pair:
    """The training and validation folders that a chosen folder means.

    Either it has ``train`` and ``val`` (also ``training``, ``validation``, ``valid``, ``test``) with class
    folders below them, or it holds the class folders itself and is then taken for training.

    Raises:
        DataError: The folder is missing, or its split folders hold images without class folders.
    """
    inside = {entry.name.lower(): Path(entry.path) for entry in _entries(folder) if entry.is_dir()}
    train = next((inside[name] for name in TRAIN_NAMES if name in inside), None)
    val = next((inside[name] for name in VAL_NAMES if name in inside), None)
    splits = [path for path in (train, val) if path is not None]
    if not splits:
        return Pair(train=folder, val=None)
    flat = [path for path in splits if _is_flat(path)]
    if len(flat) == len(splits) < len(inside):  # "train" is the name of a class here
        return Pair(train=folder, val=None)
    if flat:
        raise _without_classes(flat[0])
    return Pair(train=train, val=val)


def _is_flat(folder: Path) -> bool:
    entries = _entries(folder)
    return any(_is_image(entry) for entry in entries) and not any(entry.is_dir() for entry in entries)


def listing(folder: Path) -> Listing:
    """Classes and images by name; no file is opened.

    Raises:
        DataError: The folder is missing or empty, or has no images, no class folders, or one class only.
        StorageError: It may not be read.
    """
    entries = _entries(folder)
    if not entries:
        raise DataError(
            f"The folder {images.shown(folder)} is empty.",
            action="Choose a folder with one sub-folder of images for each class.",
        )
    found = {entry.name: _images_below(Path(entry.path)) for entry in entries if entry.is_dir()}
    classes = tuple(sorted(name for name, paths in found.items() if paths))
    if not classes:
        if any(_is_image(entry) for entry in entries):
            raise _without_classes(folder)
        raise DataError(
            f"There are no images in {images.shown(folder)}.",
            action=f"Choose a folder with one sub-folder for each class; {_KINDS} files are read.",
        )
    if len(classes) == 1:
        raise DataError(
            f"All images in {images.shown(folder)} belong to one class, {images.shown(classes[0])}.",
            action="At least two class folders with images are needed to tell classes apart.",
        )
    samples = tuple((f"{name}/{path}", index) for index, name in enumerate(classes) for path in found[name])
    return Listing(folder, classes, samples)


def classes(folder: Path) -> list[str]:
    """Sorted names of the classes.

    Raises:
        DataError: As ``listing``.
    """
    return list(listing(folder).classes)


def scan(
    folder: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Scan:
    """Decode every image in a folder and say what is there.

    Args:
        folder: Holds one sub-folder a class.
        progress: Told the images done and their total after each.
        cancelled: Asked before each image.

    Raises:
        DataError: As ``listing``, or when no image can be read.
        Cancelled: ``cancelled`` said so.
    """
    found = listing(folder)
    unreadable = []
    values: dict[float | None, float] = {}
    for done, (name, _) in enumerate(found.samples, start=1):
        if cancelled():
            raise Cancelled
        try:
            brightness.add(values, images.check(folder / name))
        except images.UnreadableImageError as error:
            unreadable.append(Unreadable(images.shown(name), error.reason))
        progress(done, len(found.samples))
    if len(unreadable) == len(found.samples):
        raise DataError(
            f"None of the {len(unreadable)} images in {images.shown(folder)} can be read.",
            action="Check the files; the first is " + f"{unreadable[0].name} ({unreadable[0].reason}).",
        )
    bad = {item.name for item in unreadable}
    readable = [(name, label) for name, label in found.samples if images.shown(name) not in bad]
    shown = [folder / readable[index][0] for index in spread([label for _, label in readable], THUMBNAILS)]
    return Scan(folder, found.classes, found.counts, tuple(unreadable), tuple(shown), values)


def brightest(folder: Path, samples: Sequence[tuple[str, int]]) -> brightness.Found:
    """What values there are in a few of a listing's images, where they have more than 8 bits."""
    chosen = spread([label for _, label in samples], brightness.SAMPLE)
    return brightness.sampled(folder / samples[index][0] for index in chosen)


def check_pair(train: Sequence[str], val: Sequence[str]) -> None:
    """Refuse validation images of classes that are not trained.

    Raises:
        DataError: Names the classes.
    """
    unknown = sorted(set(val) - set(train))
    if unknown:
        some = ", ".join(images.shown(name) for name in unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise DataError(
            f"The validation images have classes that the training images have not: {some}.",
            action="Choose two folders with the same class folders.",
        )


def spread(labels: Sequence[int], count: int) -> list[int]:
    """At most ``count`` indices into ``labels``, as evenly over the classes, and within each class, as can be.

    The same for the same input; the result is sorted.
    """
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(label, []).append(index)
    shares = _shares([len(members[label]) for label in sorted(members)], count)
    chosen: list[int] = []
    for label, share in zip(sorted(members), shares, strict=True):
        mine = members[label]
        chosen += [mine[position * len(mine) // share] for position in range(share)]
    return sorted(chosen)


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """``count`` dealt out one by one to the classes that still have some left."""
    shares = [0] * len(sizes)
    left = min(count, sum(sizes))
    while left:
        open_classes = [index for index, size in enumerate(sizes) if shares[index] < size]
        each = max(1, left // len(open_classes))
        for index in open_classes:
            given = min(each, sizes[index] - shares[index], left)
            shares[index] += given
            left -= given
    return shares


def fingerprint(folder: Path) -> str:
    """A hash that changes when an image is added, removed, renamed or rewritten (by size and time).

    Raises:
        DataError: The folder is missing.
        StorageError: It may not be read.
    """
    digest = hashlib.sha256()
    for path in _images_below(folder):
        try:
            status = (folder / path).stat()
        except OSError:
            digest.update(os.fsencode(path) + b"\0missing\0")
            continue
        digest.update(os.fsencode(path) + f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _without_classes(folder: Path) -> DataError:
    return DataError(
        f"The images in {images.shown(folder)} lie directly in the folder, not in one folder for each class.",
        action="Put the images of each class into a sub-folder named after the class.",
    )


def _images_below(folder: Path) -> list[str]:
    """Relative paths of all images, with forward slashes, sorted; linked folders are followed once."""
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    waiting = [("", folder)]
    while waiting:
        prefix, directory = waiting.pop()
        for entry in _entries(directory):
            if _is_image(entry):
                found.append(prefix + entry.name)
            elif entry.is_dir() and _is_new(directory / entry.name, seen):
                waiting.append((f"{prefix}{entry.name}/", directory / entry.name))
    return sorted(found)


def _is_new(directory: Path, seen: set[tuple[int, int]]) -> bool:
    status = directory.stat()
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _is_image(entry: os.DirEntry[str]) -> bool:
    return os.path.splitext(entry.name)[1].lower() in images.SUFFIXES and entry.is_file()  # noqa: PTH122


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name, without hidden files and what archivers leave behind."""
    return sorted(_visible(folder), key=lambda entry: entry.name)


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith((".", "__MACOSX")):
                    yield entry
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"The image folder does not exist: {images.shown(folder)}.",
            action="Choose a folder with one sub-folder of images for each class.",
            details=str(error),
        ) from error
    except OSError as error:
        raise from_os_error(error, folder) from error
