"""Folders of images, one sub-folder a class (the ImageFolder layout), looked at without torch."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from pqv_core.data import brightness, folder_walk, images
from pqv_core.data import layout as dataset_layout
from pqv_core.data.class_order import composed, listed
from pqv_core.data.folder_walk import Below
from pqv_core.errors import Cancelled, DataError

THUMBNAILS = 12
SPLITS = {"train": "Training images", "val": "Validation images"}
_NAMED = re.compile(r"(torch|hfds|hfids|tfds|wds)/[\w.\-]+(/[\w.\-]+)*", re.IGNORECASE)
_KINDS = "JPEG, PNG, WebP, BMP, TIFF, GIF and PPM"
_LISTED = 5


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, by name only.

    Attributes:
        classes: Names of the sub-folders that hold images, in Unicode's composed form, sorted as text.
        samples: Path relative to ``folder`` with forward slashes, as the disk has it, and index into ``classes``.
        remarks: What was left out, and why, and what may be meant otherwise; sentences.
    """

    folder: Path
    classes: tuple[str, ...]
    samples: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Images a class."""
        counter = Counter(label for _, label in self.samples)
        return tuple(counter[index] for index in range(len(self.classes)))

    @property
    def sentence(self) -> str:
        """How many images and classes there are."""
        return f"{len(self.samples):,} images in {len(self.classes):,} classes."


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be used: its path relative to the folder, and a few words why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a person wants to know about a folder of images.

    Attributes:
        classes: Names, sorted as text.
        counts: Images a class, readable or not.
        unreadable: Images that cannot be used.
        thumbnails: A few readable images, spread over the classes.
        brightest: What values there are in images of more than 8 bits.
        remarks: As in ``Listing``.
    """

    folder: Path
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    unreadable: tuple[Unreadable, ...]
    thumbnails: tuple[Path, ...]
    brightest: brightness.Found = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Number of images, readable or not."""
        return sum(self.counts)


def named_folder() -> Path:
    """Where data sets that are named are kept: the user's cache."""
    return platformdirs.user_cache_path("pqv-mobile", appauthor=False) / "datasets"


def named_split(name: str, which: str) -> Path:
    """Where the ``train`` or ``val`` images of a data set that is named are kept."""
    return named_folder() / re.sub(r"[^\w.-]", "_", name) / which


def is_named(stored: str) -> bool:
    """Whether a setting names one of timm's data sets (``torch/cifar10``) and not a folder."""
    return _NAMED.fullmatch(stored) is not None


def listing(folder: Path) -> Listing:
    """Classes and images by name; no file is opened.

    Raises:
        DataError: The folder is missing or empty, has no images, no class folders, or one class only, or holds
            something else than the folders of classes.
        StorageError: It may not be read.
    """
    entries = folder_walk.entries(folder)
    if not entries:
        raise DataError(
            f"The folder {images.shown(folder)} is empty.",
            action="Choose a folder with one sub-folder of images per class.",
        )
    dataset_layout.refuse_splits(folder)
    dataset_layout.refuse_detection(folder)
    beside = Below()
    folders = [entry.name for entry in entries if folder_walk.is_folder(entry)]
    for entry in entries:
        if entry.name not in folders:
            folder_walk.note(entry, entry.name, beside)
    above = [folder, *folder.absolute().parents]
    found = {name: folder_walk.below(folder / name, above=above) for name in folders}
    by_class: defaultdict[str, list[str]] = defaultdict(list)
    for name, inside in found.items():
        by_class[composed(name)] += [f"{name}/{path}" for path in inside.images]
    classes = tuple(sorted(name for name, paths in by_class.items() if paths))
    remarks = tuple(_remarks(found, beside))
    if len(classes) < 2:
        raise _too_few(folder, classes, beside, remarks)
    samples = tuple((path, index) for index, name in enumerate(classes) for path in sorted(by_class[name]))
    return Listing(folder, classes, samples, remarks)


def _too_few(folder: Path, classes: Sequence[str], beside: Below, remarks: Sequence[str]) -> DataError:
    within = dataset_layout.suggestion(folder)
    if not classes and beside.images:
        return dataset_layout.without_classes(folder)
    if classes:
        message = f"All images in {images.shown(folder)} belong to one class, {images.shown(classes[0])}."
        action = "At least two class folders with images are needed."
    else:
        message = f"There are no images in {images.shown(folder)}."
        action = f"Choose a folder with one sub-folder per class; {_KINDS} files are read."
    if within is not None:
        action = f"The class folders seem to lie in {images.shown(within)}: choose that folder."
    return DataError(" ".join((message, *remarks)), action=action)


def _remarks(found: dict[str, Below], beside: Below) -> Iterator[str]:
    """What is left out of class folders and beside them, and what may be meant otherwise."""
    whole = Below(skipped=beside.skipped.copy(), broken=list(beside.broken))
    for name, inside in found.items():
        whole.skipped += inside.skipped
        whole.broken += [f"{name}/{path}" for path in inside.broken]
        whole.circles += [f"{name}/{path}" for path in inside.circles]
    yield from folder_walk.remarks(whole)
    if beside.images:
        yield f"Skipped images next to the class folders: {listed(beside.images, _LISTED)}."
    empty = [name for name, inside in found.items() if not inside.images]
    if empty:
        yield f"Class folders without images, ignored: {listed(empty, _LISTED)}."
    filled = [name for name, inside in found.items() if inside.images]
    yield from _namesakes(filled)
    yield from _deeper({name: found[name].images for name in filled})


def _namesakes(names: Sequence[str]) -> Iterator[str]:
    """Folders that look like the same class."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[folder_walk.alike(name)].append(name)
    for group in groups.values():
        if len(set(map(composed, group))) > 1:
            yield f"These classes differ although their names look alike: {listed(sorted(group), _LISTED)}."
        elif len(group) > 1:
            yield f"Two folders of the same name in different Unicode forms are one class: {images.shown(group[0])}."


def _deeper(found: dict[str, list[str]]) -> Iterator[str]:
    """Folders that all hold the same folders, which then are the classes that were meant."""
    inner = [{path.partition("/")[0] if "/" in path else "" for path in _unwrapped(paths)} for paths in found.values()]
    shared = set.intersection(*inner) if len(inner) > 1 else set()
    if len(shared) > 1 and "" not in set.union(*inner):
        yield (
            f"The classes are {listed(list(found))}, and each of these folders holds {listed(sorted(shared))}. "
            "If those are the classes, move them up: one folder for each, with the images of all."
        )


def _unwrapped(paths: Sequence[str]) -> list[str]:
    """The paths below the folders that all of them go through: those of ``images/a/0.jpg`` and ``images/b/0.jpg``."""
    rest = list(paths)
    while len({path.partition("/")[0] for path in rest}) == 1 and all(path.count("/") > 1 for path in rest):
        rest = [path.partition("/")[2] for path in rest]
    return rest


def classes(folder: Path) -> list[str]:
    """Names of the classes, sorted as text.

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
    return Scan(folder, found.classes, found.counts, tuple(unreadable), tuple(shown), values, found.remarks)


def brightest(folder: Path, samples: Sequence[tuple[str, int]]) -> brightness.Found:
    """What values there are in a few of a listing's images, where they have more than 8 bits."""
    chosen = spread([label for _, label in samples], brightness.SAMPLE)
    return brightness.sampled(folder / samples[index][0] for index in chosen)


def check_pair(train: Sequence[str], val: Sequence[str]) -> None:
    """Refuse validation images of classes that are not trained.

    Raises:
        DataError: Names the classes, and those of the other folder that they may be.
    """
    unknown = sorted(set(val) - set(train))
    if not unknown:
        return
    known = {folder_walk.alike(name): name for name in train}
    twins = [
        f"{images.shown(name)} for {images.shown(known[folder_walk.alike(name)])}"
        for name in unknown
        if folder_walk.alike(name) in known
    ]
    alike = f" They are spelled differently: {', '.join(twins[:_LISTED])}." if twins else ""
    raise DataError(
        f"The validation images have classes that the training images lack: {listed(unknown, _LISTED)}.{alike}",
        action="Give the folders identical names, including case and spaces."
        if twins
        else "Choose two folders with the same class folders.",
    )


def missing_classes(train: Sequence[str], val: Sequence[str]) -> str:
    """A sentence on trained classes that no validation image shows; empty where there are none."""
    missing = sorted(set(train) - set(val))
    return f"No validation images for {listed(missing, _LISTED)}." if missing else ""


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
    for path in folder_walk.below(folder, above=folder.absolute().parents).images:
        try:
            status = (folder / path).stat()
        except OSError:
            digest.update(os.fsencode(path) + b"\0missing\0")
            continue
        digest.update(os.fsencode(path) + f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
