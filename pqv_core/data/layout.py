"""Which folders hold the classes, in a folder that a person chose: splits, folders around them, and other layouts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pqv_core.data import folder_walk, images
from pqv_core.data.class_order import composed
from pqv_core.errors import DataError

TRAIN_NAMES = ("train", "training")
VAL_NAMES = ("val", "validation", "valid", "test")
_SPLIT_NAMES = re.compile(rf"({'|'.join(TRAIN_NAMES + VAL_NAMES)})[-_ ]?\d*")  # train2017 is COCO's
_ALIKE = re.compile(rf"({'|'.join((*TRAIN_NAMES, *VAL_NAMES, 'testing', 'eval'))})[-_ ]?(set|data|images|split|\d+)?")
"""What folders are called that, where no folder beside them is called otherwise, are parts of a set and no classes."""
_BOXES = ("labels", "annotations")
_BOX_FILES = (".txt", ".xml", ".json")
_PICTURES = ("images", "imgs", "jpegimages", "segmentationclass", "segmentationobject", "masks")
_DEEPEST = 4


@dataclass(frozen=True)
class Pair:
    """The folders of training and of validation images; one of them may be missing."""

    train: Path | None
    val: Path | None


def find(folder: Path) -> Pair:
    """The training and validation folders that a chosen folder means.

    Either it has ``train`` and ``val`` (also ``training``, ``validation``, ``valid``, ``test``) with class
    folders below them, or it holds the class folders itself and is then taken for training. A single folder
    around all of that, at either place, is looked into.

    Raises:
        DataError: The folder is missing, its split folders hold images without class folders, or it has another
            layout: of object detection, several data sets, or train and val within each class.
    """
    place = folder if _has_splits(folder) else _wrapped(folder) or folder
    inside = _inside(place)
    refuse_detection(place)
    splits = _splits(inside)
    if not splits:
        _refuse_splits_below(inside)
        return Pair(train=place, val=None)
    for path in splits.values():
        refuse_detection(path)
    flat = [path for path in splits.values() if _is_flat(path)]
    if len(flat) == len(splits) < len(inside) and not _parts(inside):  # "train" is the name of a class here
        return Pair(train=place, val=None)
    if flat:
        raise without_classes(flat[0])
    within = {which: _wrapped(path) or path for which, path in splits.items()}
    return Pair(train=within.get("train"), val=within.get("val"))


def refuse_splits(folder: Path) -> None:
    """Refuse a folder whose ``train`` and ``val`` would be taken for two classes.

    Raises:
        DataError: Names the folder to choose.
    """
    inside = _inside(folder)
    parts, splits = _parts(inside), list(_splits(inside).values())
    flat = [path for path in parts or splits if _is_flat(path)]
    if parts and flat:
        raise without_classes(flat[0])
    if parts or (len(splits) == 2 and not flat):
        meant = splits if len(splits) == 2 else parts
        raise DataError(
            f"{images.shown(folder)} holds training and validation images, not the folders of classes.",
            action=f"Choose {' and '.join(images.shown(path) for path in meant)}.",
        )


def suggestion(folder: Path) -> Path | None:
    """The folder within this one that has the class folders, where there is just one that can be meant."""
    return _wrapped(folder)


def refuse_detection(folder: Path) -> None:
    """Refuse images that come with boxes (YOLO, COCO, Pascal VOC) and lie in no class folders.

    Raises:
        DataError: Says what it is.
    """
    boxes, rest = _boxes(folder), _inside(folder)
    if boxes is None:
        return
    pictures = [path for name, path in rest.items() if path != boxes and folder_walk.holds_images(path)]
    if pictures and all(_is_heap(path) for path in pictures):
        raise _of_detection(folder, boxes)


def without_classes(folder: Path) -> DataError:
    """What is wrong with a folder whose images lie in it directly."""
    for near in (folder, folder.parent, folder.parent.parent):
        boxes = _boxes(near)
        if boxes is not None:
            return _of_detection(near, boxes)
    return DataError(
        f"The images in {images.shown(folder)} lie directly in the folder, not in one folder per class.",
        action="Put the images of each class into a sub-folder named after the class.",
    )


def _of_detection(folder: Path, boxes: Path) -> DataError:
    return DataError(
        f"{images.shown(folder)} is an object-detection data set: its images are not in class folders, and "
        f"{images.shown(boxes.name)} has boxes for them (YOLO, COCO or Pascal VOC layout).",
        action="PQV-Mobile classifies whole images: choose a data set with one folder of images per class.",
    )


def _boxes(folder: Path) -> Path | None:
    """A folder of labels or annotations beside folders of images."""
    try:
        inside = _inside(folder)
    except DataError:
        return None
    place = next((inside[name] for name in _BOXES if name in inside), None)
    if place is None or folder_walk.holds_images(place):
        return None
    files = (entry for path in (place, *_inside(place).values()) for entry in folder_walk.entries(path))
    return place if any(entry.name.lower().endswith(_BOX_FILES) for entry in files) else None


def _is_heap(folder: Path) -> bool:
    """Whether it holds images of a set, or of its splits, and no folders of classes."""
    name = folder.name.lower()
    if name in _PICTURES and not _is_flat(folder):
        inside = _inside(folder)
        return all(_SPLIT_NAMES.fullmatch(name) and _is_flat(path) for name, path in inside.items())
    return _is_flat(folder) and (name in _PICTURES or _SPLIT_NAMES.fullmatch(name) is not None)


def _refuse_splits_below(inside: Mapping[str, Path]) -> None:
    """Classes that hold ``train`` and ``val`` each, or several data sets, would be taken for classes."""
    holding = {path: _splits(_inside(path)) for path in inside.values()}
    both = [path for path, splits in holding.items() if len(splits) == 2]
    if not both:
        return
    sets = [path for path in both if not any(_is_flat(split) for split in holding[path].values())]
    if sets:
        raise DataError(
            f"{images.shown(sets[0].parent)} is a folder of data sets: {images.shown(sets[0].name)} has images for "
            "training and for validation.",
            action=f"Choose one of them, such as {images.shown(sets[0])}.",
        )
    if len(both) == len(inside):
        name = images.shown(both[0].name)
        raise DataError(
            f"Each class folder, such as {name}, has images for training and for validation of its own.",
            action=f"Swap the levels: train/{name} and val/{name} for each class.",
        )


def _wrapped(folder: Path) -> Path | None:
    """The data set, or the folder of classes, in a folder that holds nothing else; None where there is none."""
    for _ in range(_DEEPEST):
        holding = [path for path in _inside(folder).values() if folder_walk.holds_images(path)]
        if len(holding) != 1 or _has_images(folder):
            return None
        folder = holding[0]
        if _is_set(folder):
            return folder
    return None


def _is_set(folder: Path) -> bool:
    if _has_splits(folder):
        return True
    holding = [path for path in _inside(folder).values() if folder_walk.holds_images(path)]
    return len(holding) > 1 and not _has_images(folder)


def _has_splits(folder: Path) -> bool:
    return bool(_splits(_inside(folder)))


def _splits(inside: Mapping[str, Path]) -> dict[str, Path]:
    """By ``train`` and ``val``, the folders of these."""
    found = {}
    for which, names in (("train", TRAIN_NAMES), ("val", VAL_NAMES)):
        path = next((inside[name] for name in names if name in inside), None)
        if path is not None:
            found[which] = path
    return found or _splits_alike(inside)


def _splits_alike(inside: Mapping[str, Path]) -> dict[str, Path]:
    """The same for names such as ``train2017`` and ``Test Data``, where all folders have such."""
    found: dict[str, Path] = {}
    for path in _parts(inside):
        name = composed(path.name).lower()
        found.setdefault("train" if name.startswith(TRAIN_NAMES) else "val", path)
    return found if len(found) == 2 else {}


def _parts(inside: Mapping[str, Path]) -> list[Path]:
    """The folders with images, where there are several and all are called as parts of a set; else none."""
    holding = [name for name, path in inside.items() if folder_walk.holds_images(path)]
    alike = len(holding) > 1 and all(_ALIKE.fullmatch(name) for name in holding)
    return [inside[name] for name in holding] if alike else []


def _inside(folder: Path) -> dict[str, Path]:
    """The folders in a folder by their names in lower case."""
    return {composed(entry.name).lower(): Path(entry.path) for entry in folder_walk.folders(folder)}


def _has_images(folder: Path) -> bool:
    return any(folder_walk.is_image(entry) for entry in folder_walk.entries(folder))


def _is_flat(folder: Path) -> bool:
    return _has_images(folder) and not folder_walk.folders(folder)
