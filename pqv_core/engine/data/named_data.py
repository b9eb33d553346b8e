"""Data sets by timm's names (``torch/cifar10``, ``hfds/…``, ``tfds/…``), written once as folders of images.

As folders they can be looked at, counted, fingerprinted and shared by processes like a person's own images. Pictures
are kept without loss as PNG, each class in a folder whose name begins with its number, so that classes keep their
order; the classes of ImageNet get its synsets' names, by which a published head is judged rightly.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from PIL import Image
from timm.data.dataset_factory import create_dataset
from timm.data.imagenet_info import ImageNetInfo

from pqv_core.data import dataset
from pqv_core.engine.context import Context
from pqv_core.errors import DataError, PqvError, from_os_error
from pqv_core.files.fsio import move, remove_folder

SPLITS = {"train": ("train",), "val": ("validation", "val", "test")}
_PACKAGES = {"hfds": "datasets", "hfids": "datasets", "tfds": "tensorflow-datasets", "wds": "webdataset"}
_IMAGENET = 1000
_REPORT_EVERY = 10_000
_LOOK_S = 0.2
_UNSAFE = re.compile(r"[^-+()\w, ]")


def folder(name: str, which: str, *, root: Path | None, context: Context) -> Path:
    """The folder of images of a named data set, made when it is not there yet.

    Args:
        name: As timm takes it.
        which: ``train`` or ``val``.
        root: Where the data set lies or is downloaded to; the user's cache when None.

    Raises:
        DataError: timm does not have it, a package that it needs is missing, or it cannot be downloaded.
        StorageError: The images cannot be written.
        Cancelled: The end was asked for.
    """
    place = dataset.named_split(name, which)
    if place.exists():
        return place
    part = place.with_name(f".{which}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place.with_name(f".{which}.lock"), name, context):
            if not place.exists():  # another run may have made it meanwhile
                context.log(f"Getting {name}.")
                remove_folder(part)
                part.mkdir()
                _write(_opened(name, which, root or dataset.named_folder() / "sources"), part, context)
                move(part, place)
    except OSError as error:
        raise from_os_error(error, part) from error
    return place


@contextlib.contextmanager
def _alone(path: Path, name: str, context: Context) -> Iterator[None]:
    """Hold the lock at ``path``, so that two runs do not get the same data set; the second waits."""
    lock, reported = FileLock(path), False
    while not lock.is_locked:
        context.check_cancelled()
        try:
            lock.acquire(timeout=_LOOK_S)
        except Timeout:
            if not reported:
                context.log(f"Waiting for another run that is downloading {name}.")
            reported = True
    try:
        yield
    finally:
        lock.release()


def _opened(name: str, which: str, root: Path) -> Any:
    """timm's data set, of the first of the usual names of a split that it has."""
    root.mkdir(parents=True, exist_ok=True)
    failures = []
    for split in SPLITS[which]:
        try:
            return create_dataset(name, root=str(root), split=split, download=True)
        except ImportError as error:
            package = _PACKAGES.get(name.partition("/")[0].lower(), "")
            raise DataError(
                f"The data set {name} needs the package {package or error.name}, which is not installed.",
                action=f"Install it with: pip install {package or error.name}",
                details=str(error),
            ) from error
        except (OSError, RuntimeError, ValueError, AssertionError, KeyError, TypeError, AttributeError) as error:
            failures.append(f"{split}: {type(error).__name__}: {error}")
    raise DataError(
        f"The data set {name} is not available.",
        action="Check its name and the network, or choose a folder of images.",
        details="\n".join(failures),
    )


def _write(data: Any, place: Path, context: Context) -> None:
    names = _folders(data)
    for number, (picture, label) in enumerate(_pairs(data)):
        context.check_cancelled()
        if not isinstance(picture, Image.Image) or not isinstance(label, int):
            raise DataError("This data set has no single-class images.", action="Choose another one.")
        to = place / names.get(label, f"{label:05}")
        to.mkdir(exist_ok=True)
        picture.save(to / f"{number:08}.png", compress_level=1)
        if number and number % _REPORT_EVERY == 0:
            context.log(f"{number:,} images written.")


def _pairs(data: Any) -> Iterator[tuple[Any, Any]]:
    """Pictures and classes, of data sets with an index and of those without."""
    try:
        if hasattr(data, "__getitem__"):
            yield from (data[index] for index in range(len(data)))
        else:
            yield from data
    except PqvError:
        raise
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            "The data set cannot be read.", action="Choose another one.", details=f"{type(error).__name__}: {error}"
        ) from error


def _folders(data: Any) -> dict[int, str]:
    """Name of the folder of each class."""
    known: dict[str, int] = getattr(data, "class_to_idx", None) or getattr(
        getattr(data, "reader", None), "class_to_idx", {}
    )
    if len(known) == _IMAGENET and set(known.values()) == set(range(_IMAGENET)):
        return dict(enumerate(ImageNetInfo().label_names()))
    return {index: f"{index:05} {_UNSAFE.sub('_', name)}"[:80].strip() for name, index in known.items()}
