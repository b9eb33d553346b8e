"""In which order the names of classes stand, which is the order of a model's outputs.

Three orders are usual: names as text (torchvision, Keras), natural (timm: 2 before 10), and a file that lists them
(timm's class map). Names are compared in Unicode's composed form (NFC), whatever form a disk keeps.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pqv_core.config.data import ORDERS
from pqv_core.data import images
from pqv_core.errors import DataError, from_os_error
from pqv_core.files.fsio import parse_json
from pqv_core.project import project_file as projects

TEXT, NATURAL = ORDERS
LIMIT_BYTES = 16 * 1024 * 1024
_LISTS = 'Accepted: one name or "name index" per line, or a JSON list or object.'
_NAMED = 3
_PLACED = (
    re.compile(r"(?P<name>.*\S)(\s*[,;:]\s*|\s+)(?P<place>\d{1,9})"),
    re.compile(r"(?P<place>\d{1,9})(\s*[,;:]\s*|\s+)(?P<name>\S.*)"),
)


def composed(name: str) -> str:
    """A name in the form in which it is compared."""
    return unicodedata.normalize("NFC", name)


def natural_key(name: str) -> list[Any]:
    """timm's key: numbers within a name count as numbers, capitals do not count."""
    parts: list[Any] = re.split(r"(\d+)", name.lower())
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts


KEYS: dict[str, Callable[[str], Any]] = {TEXT: lambda name: name, NATURAL: lambda name: (natural_key(name), name)}
"""By the word for an order that follows from the names alone, the key that sorts them."""


def is_file(order: str) -> bool:
    """Whether a setting names a file and not an order."""
    return order not in KEYS


@dataclass(frozen=True)
class ClassFile:
    """A file that lists classes.

    Attributes:
        readings: What its lines can mean, each a list of all names in order: ``sea 2`` is a name, or a name and its
            place.
    """

    path: Path
    readings: tuple[tuple[str, ...], ...]

    def naming(self, names: Iterable[str]) -> tuple[str, ...]:
        """The list that has all of ``names``; it may have more.

        Raises:
            DataError: None has; names some that are missing.
        """
        wanted = set(names)
        found = next((reading for reading in self.readings if wanted <= set(reading)), None)
        if found is not None:
            return found
        missing = min((sorted(wanted - set(reading)) for reading in self.readings), key=len)
        raise DataError(
            f"{images.shown(self.path.name)} does not name the class {listed(missing)}, which has images.",
            action="Add it to the file, spelled like its folder, or choose another class order.",
        )


def listed(names: Sequence[str], count: int = _NAMED) -> str:
    """The first few names, for a sentence."""
    return ", ".join(images.shown(name) for name in names[:count]) + (", …" if len(names) > count else "")


def arranged(names: Iterable[str], order: str, *, project: Path) -> list[str]:
    """Names of classes in the order that the setting ``data.class_order`` means.

    A file may name more classes than there are images of; all of its names are given.

    Args:
        order: ``text``, ``natural``, or a path as it is stored.
        project: Project file; a relative path starts at its folder.

    Raises:
        DataError: The file cannot be used, or misses a name.
        StorageError: It cannot be read.
    """
    if not is_file(order):
        return sorted(names, key=KEYS[order])
    return list(read(projects.resolved_path(order, project=project)).naming(names))


def first_difference(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that stand the other way round in natural order than as text; None where the orders are the same."""
    kept = list(names)
    text, natural = (sorted(kept, key=key) for key in KEYS.values())
    return next(((one, two) for one, two in zip(text, natural, strict=True) if one != two), None)


def doubt(names: Iterable[str]) -> str:
    """What to know where the weights' head was fitted elsewhere; empty where the orders are the same."""
    pair = first_difference(names)
    if pair is None:
        return ""
    early, late = (images.shown(name) for name in pair)
    return (
        f"As text, the class {early} comes before {late}; in natural order (timm’s) it comes after it. "
        "If the weights were trained in natural order, set data.class_order=natural."
    )


def without_images(named: Sequence[str], names: Collection[str]) -> str:
    """What to know where a file lists more classes than there are images of; empty where it does not.

    Args:
        named: The classes that the model has outputs for.
        names: Those that have images.
    """
    more = [name for name in named if name not in names]
    if not more:
        return ""
    return (
        f"The class order lists {len(named):,} classes, of which {len(more):,} have no images: {listed(more)}. "
        "The model has an output for each of them."
    )


# files --------------------------------------------------------------------------------------------------------


def read(path: Path) -> ClassFile:
    """A file that lists classes; no name is looked for in it yet.

    Raises:
        DataError: It lists none, or not each once.
        StorageError: It cannot be read.
    """
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise _unusable(path, "it is too large to be a list of classes")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"The class order file does not exist: {images.shown(path)}.",
            action="Choose a file or another class order (text or natural).",
        ) from error
    except OSError as error:
        raise from_os_error(error, path) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unusable(path, "it is not text in UTF-8", details=str(error)) from error
    readings = [_from_json(path, text)] if path.suffix.lower() == ".json" else _from_lines(path, text)
    return ClassFile(path, tuple(_checked(path, names) for names in readings))


def _from_lines(path: Path, text: str) -> list[list[str]]:
    """One name a line, as timm has it; where every line also begins or ends in a number, those may be the places."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if any(not line for line in lines):
        raise _unusable(path, f"line {lines.index('') + 1} is empty")
    placed = (_placed(lines, pattern) for pattern in _PLACED)
    return [lines, *(names for names in placed if names)]


def _placed(lines: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    """Names in the order of the numbers beside them; empty where the lines are not so, or the numbers no places."""
    found = [pattern.fullmatch(line) for line in lines]
    placed = {match["name"]: int(match["place"]) for match in found if match is not None}
    return _ordered(placed) if len(placed) == len(lines) and _are_places(placed.values()) else []


def _from_json(path: Path, text: str) -> list[str]:
    """A list of names, names with their indices (``class_to_idx``), or indices with their names (``id2label``)."""
    try:
        plain = parse_json(text)
    except ValueError as error:
        raise _unusable(path, "it is not complete JSON", details=str(error)) from error
    if isinstance(plain, list) and all(isinstance(name, str) for name in plain):
        return plain
    if isinstance(plain, dict) and all(type(place) is int for place in plain.values()):
        placed: dict[str, int] = plain
    elif isinstance(plain, dict) and all(key.isdecimal() and isinstance(name, str) for key, name in plain.items()):
        placed = {name: int(key) for key, name in plain.items()}
        if len(placed) < len(plain):
            raise _unusable(path, "it lists a name twice")
    else:
        raise _unusable(path, "it holds neither a list of names nor names with their indices")
    if not _are_places(placed.values()):
        raise _unusable(path, f"its indices are not 0 to {len(placed) - 1}, each once")
    return _ordered(placed)


def _are_places(numbers: Iterable[int]) -> bool:
    ordered = sorted(numbers)
    return ordered == list(range(len(ordered)))


def _ordered(placed: Mapping[str, int]) -> list[str]:
    return sorted(placed, key=placed.__getitem__)


def _checked(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(composed(name) for name in names)
    if not any(kept):
        raise _unusable(path, "it names no class")
    twice = [name for name, count in Counter(kept).items() if count > 1]
    if twice:
        raise _unusable(path, f"it names {listed(twice)} twice")
    return kept


def _unusable(path: Path, why: str, *, details: str = "") -> DataError:
    return DataError(
        f"The class order cannot be read from {images.shown(path.name)}: {why}.", action=_LISTS, details=details
    )
