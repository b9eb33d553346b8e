"""File formats: one folder each, described here and written and run in ``pqv_core/engine/formats/``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pqv_core.files import kind as file_kind
from pqv_core.files.archive import never
from pqv_core.files.foreign_text import line
from pqv_core.files.kind import Kind
from pqv_core.formats.base import FileFacts, FileFormatError, Format, Runtime
from pqv_core.registry import Registry

_LETTERS = 1000
_SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")


def _clash(info: Format, taken: Mapping[str, Format]) -> str:
    """Why files of another package's format could not be told from others, by their names or their content."""
    if not _SUFFIX.fullmatch(info.suffix):
        return f"{info.suffix!r} is no suffix: a dot, lower-case letters and digits"
    other = next((each for each in taken.values() if each.suffix == info.suffix), None)
    if other is None and info.kind is not None:
        other = next((each for each in taken.values() if each.kind is info.kind), None)
    return f"its files are those of {other.label} ({other.key})" if other else ""


FORMATS = Registry(
    "file format",
    Format,  # type: ignore[type-abstract]
    package=__name__,
    group="pqv.formats",
    check=_clash,
)


def default() -> str:
    """Key of the format in which a model is exported unless another is asked for: never another package's."""
    return next(key for key in FORMATS if key not in FORMATS.foreign)


def suffixes() -> tuple[str, ...]:
    """The suffixes of files that can be measured, with their dots."""
    return tuple(info.suffix for info in FORMATS.values())


def named(path: Path) -> Format | None:
    """The format that a file's name promises; None where it promises none of them."""
    return next((info for info in FORMATS.values() if path.suffix.lower() == info.suffix), None)


def of_kind(kind: Kind) -> Format | None:
    """The format whose files are of this kind."""
    return next((info for info in FORMATS.values() if info.kind is kind), None)


def of(path: Path) -> Format | None:
    """The format of a file, by its name or else by its content; None where it is none of them.

    Raises:
        StorageError: It cannot be read.
    """
    if (promised := named(path)) is not None:
        return promised
    return of_kind(file_kind.kind(path))


def read(path: Path, *, cancelled: Callable[[], bool] = never) -> tuple[Format, FileFacts]:
    """The format of a file and what can be said of it; it may be anybody's.

    Raises:
        FileFormatError: It is damaged, or of no format that is known here.
        StorageError: It cannot be read.
        PluginError: The format is another package's, and fails.
        Cancelled: ``cancelled`` said so.
    """
    found = of(path) or FORMATS[default()]  # whose reader says what it is instead
    with FORMATS.blaming(found.key):
        facts = found.read(path, cancelled=cancelled)
        if not isinstance(facts, FileFacts):
            raise TypeError(f"read gave {facts!r}, not FileFacts")
    return found, facts


def rows(info: Format, facts: FileFacts) -> list[tuple[str, str]]:
    """Name and value of each fact, and which runtimes can run the file.

    Raises:
        PluginError: The format is another package's, and fails.
    """
    with FORMATS.blaming(info.key):
        return [(line(name), line(value, _LETTERS)) for name, value in info.all_rows(facts)]


def chosen_runtime(info: Format, version: str) -> Runtime:
    """The runtime of a format that a person means: the usual one where none, or another format's, was named.

    Raises:
        UsageError: No format has it.
    """
    others = [other for other in FORMATS.values() if other is not info]
    if not version or (version not in info.runtimes() and any(version in other.runtimes() for other in others)):
        version = info.default_runtime
    return info.runtime(version)


def described() -> str:
    """What can be measured, for a sentence: ``a .ptl or .pte file``."""
    return f"{' or '.join(suffixes())} file"


__all__ = [
    "FORMATS",
    "FileFacts",
    "FileFormatError",
    "Format",
    "chosen_runtime",
    "default",
    "described",
    "named",
    "of",
    "read",
    "rows",
    "suffixes",
]
