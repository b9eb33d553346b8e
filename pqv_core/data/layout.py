"""Which folders hold the classes, in a folder that a person chose: splits, folders around them, and other layouts."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pqv_core.data import folder_walk, images
from pqv_core.data.class_order import composed, listed
from pqv_core.errors import DataError

TRAIN_NAMES = ("train", "training")
VAL_NAMES = ("val", "validation", "valid", "test")
_SPLIT_NAMES = re.compile(rf"({'|'.join(TRAIN_NAMES + VAL_NAMES)})[-_ ]?\d*")  # train2017 is COCO's
_VAL_WORDS = ("validation", "valid", "val", "dev", "testing", "test", "evaluation", "eval")
"""With which the name of a folder of validation images begins; the best first, where there are several."""
_ALIKE = re.compile(
    rf"({'|'.join((*TRAIN_NAMES, *_VAL_WORDS, 'pred', 'prediction'))})[-_ ]?(set|data|images|split|\d+)?"
)
"""What folders are called that, where no folder beside them is called otherwise, are parts of a set and no classes."""
_BOXES = ("labels", "annotations")
_BOX_FILES = (".txt", ".xml", ".json")
_PICTURES = ("images", "imgs", "jpegimages", "segmentationclass", "segmentationobject", "masks")
_DEEPEST = 4


@dataclass(frozen=True)
class Pair:
    """The folders of training and of validation images; one of them may be missing.

    Attributes:
        ignored: Folders with images that lie beside these and are not used.
    """

    train: Path | None
    val: Path | None
    ignored: tuple[Path, ...] = ()

    @property
    def remark(self) -> str:
        """What of a chosen folder is not used; empty where all is."""
        names = listed([path.name for path in self.ignored])
        return f"Not used, beside the images that are: {names}." if names else ""


def find(folder: Path) -> Pair:
    """The training and validation folders that a chosen folder means.

    Either it has ``train`` and ``val`` (also ``training``, ``validation``, ``valid``, ``test`` and the like) with
    class folders below them, or it holds the class folders itself and is then taken for training. A single folder
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
    others = [path for path in inside.values() if path not in splits.values() and folder_walk.holds_images(path)]
    return Pair(train=within.get("train"), val=within.get("val"), ignored=tuple(others))


def refuse_splits(folder: Path) -> None:
    """Refuse a folder whose ``train`` and ``val`` would be taken for two classes.

    Raises:
        DataError: Names the folder to choose.
    """
    inside = _inside(folder)
    parts, splits = list(_parts(inside).values()), list(_splits(inside).values())
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
    if "train" in found and "val" not in found and (path := _val_alike(inside)) is not None:
        found["val"] = path
    return found or _splits_alike(inside)


def _val_alike(inside: Mapping[str, Path]) -> Path | None:
    """Beside ``train``, the folder of classes whose name is nearest to ``val``."""
    alike = {name: path for name, path in inside.items() if _ALIKE.fullmatch(name) and not _is_flat(path)}
    return _first_with(_VAL_WORDS, alike)


def _splits_alike(inside: Mapping[str, Path]) -> dict[str, Path]:
    """The same for names such as ``train2017``, ``Test Data`` and ``seg_train``, where all folders have such."""
    parts = _parts(inside)
    train, val = _first_with(TRAIN_NAMES, parts), _first_with(_VAL_WORDS, parts)
    return {"train": train, "val": val} if train is not None and val is not None else {}


def _first_with(words: Sequence[str], named: Mapping[str, Path]) -> Path | None:
    """The folder whose name begins with the earliest of ``words``."""
    return next((path for word in words for name, path in named.items() if name.startswith(word)), None)


def _parts(inside: Mapping[str, Path]) -> dict[str, Path]:
    """The folders with images, where there are several and all are called as parts of a set; else none.

    By their names, without what they all begin with where only the rest names a part.
    """
    holding = {name: path for name, path in inside.items() if folder_walk.holds_images(path)}
    prefix = _shared_prefix(holding)
    for parts in (holding, {name.removeprefix(prefix): path for name, path in holding.items()}):
        if len(parts) > 1 and all(map(_ALIKE.fullmatch, parts)):
            return parts
    return {}


def _shared_prefix(names: Collection[str]) -> str:
    """What all names begin with, up to a mark that divides words: ``seg_`` of ``seg_train`` and ``seg_test``."""
    shared = os.path.commonprefix(list(names)) if len(names) > 1 else ""  # noqa: RUF071 – letters are meant
    return shared[: max(shared.rfind(mark) for mark in "-_ ") + 1]


def _inside(folder: Path) -> dict[str, Path]:
    """The folders in a folder by their names in lower case."""
    return {composed(entry.name).lower(): Path(entry.path) for entry in folder_walk.folders(folder)}


def _has_images(folder: Path) -> bool:
    return any(folder_walk.is_image(entry) for entry in folder_walk.entries(folder))


def _is_flat(folder: Path) -> bool:
    return _has_images(folder) and not folder_walk.folders(folder)
