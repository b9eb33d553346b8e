"""What stands in a PyTorch Lite file (``.ptl``), read without torch and without running anything in it.

A ``.ptl`` is a zip archive: ``bytecode.pkl`` holds the version and, for each function, its instructions, operators
(name, overload, number of arguments given), constants and types (torch/csrc/jit/serialization/export_bytecode.cpp);
``data/`` and ``constants/`` hold the weights; ``extra/`` what the exporter added.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sized
from pathlib import Path
from typing import Any, NamedTuple

from pqv_core.errors import from_os_error
from pqv_core.files import archive, pickle_reader
from pqv_core.files import kind as file_kind
from pqv_core.files.archive import never
from pqv_core.files.kind import Kind
from pqv_core.formats import description
from pqv_core.formats.base import FileFacts, FileFormatError
from pqv_core.formats.ptl.signature import Signature, signature_of

DESCRIPTION = "pqv.json"
MAX_BYTECODE = 4 << 20
"""MaxViT-L's takes 160 kB."""
MAX_NAMES = 10_000
"""Of operators, functions and additions; the models of timm call fewer than a hundred operators."""
_NAME_LENGTH = 1000
_LARGEST = 10
_NOTABLE = 16_384
_CHOOSE = "Choose a complete .ptl file for the Lite Interpreter; .pt and .pth are other formats."


class LiteFile(FileFacts):
    """Facts of a ``.ptl``; of ``operators`` the most arguments where calls differ.

    Attributes:
        bytecode: Version of the bytecode.
        weights_bytes: Bytes of all stored tensors.
        storages: Number of stored tensors.
        largest: Bytes of the largest of them, largest first.
        duplicate_bytes: Bytes of tensors that are stored more than once, beyond the first time.
        extra: Names of the exporter's additions, with their sizes.
        signature: What its ``forward`` takes and gives; None where the file does not say.
    """

    bytecode: int
    functions: tuple[str, ...]
    weights_bytes: int
    storages: int
    largest: tuple[int, ...] = ()
    duplicate_bytes: int = 0
    extra: dict[str, int]
    signature: Signature | None = None

    @property
    def input_problem(self) -> str:
        """Why one image is not what it takes, with what it takes; empty where it is."""
        return self.signature.problem if self.signature else ""

    @property
    def input_details(self) -> str:
        """The signature of its ``forward``."""
        return f"forward{self.signature}" if self.signature else ""

    @property
    def unusual_result(self) -> str:
        """What it gives, where that is no single tensor."""
        return self.signature.unusual_result if self.signature else ""


def read(path: Path, *, cancelled: Callable[[], bool] = never) -> LiteFile:
    """Read a ``.ptl``'s facts; safe for files from anybody, however large they say they are.

    Args:
        cancelled: Asked again and again whether the end is wanted.

    Raises:
        FileFormatError: Damaged, or another kind of file.
        StorageError: It cannot be read.
        Cancelled: ``cancelled`` said so.
    """
    try:
        if not path.is_file():
            raise _UnfitError(f"is {file_kind.kind(path).label}, not a PyTorch Lite file")
        with path.open("rb") as file, archive.opened(file) as opened:
            return _facts(opened, path.stat().st_size, cancelled)
    except OSError as error:
        raise from_os_error(error, path) from error
    except _UnfitError as error:
        raise FileFormatError(f"{path.name} {error}.", action=_CHOOSE) from error
    except archive.ArchiveTooLargeError as error:
        raise FileFormatError(f"{path.name} is refused: {error}.", action=_CHOOSE) from error
    except archive.BROKEN as error:
        raise FileFormatError(
            f"{path.name} {_what_is_wrong(path)}.", action=_CHOOSE, details=f"{type(error).__name__}: {error}"
        ) from error


class _UnfitError(Exception):
    """A whole archive that is not what was asked for; the message says what it is."""


def _what_is_wrong(path: Path) -> str:
    found = file_kind.kind(path)
    if found is Kind.EMPTY:
        return "is empty"
    with path.open("rb") as file:
        if not file.read(2).startswith(b"PK"):
            is_known = found not in (Kind.UNKNOWN, Kind.CUT, Kind.DAMAGED)
            return f"is not a PyTorch Lite file{f' but {found.label}' if is_known else ''}"
    return "is damaged" if zipfile.is_zipfile(path) else "is truncated: its end is missing"


def _without_bytecode(names: list[str]) -> str:
    """What an archive holds that is no ``.ptl``."""
    if any("/code/" in name for name in names):
        return "is TorchScript, but not exported for the Lite Interpreter: it has no bytecode"
    if any(name.endswith("/data.pkl") for name in names):
        return "contains weights or a pickled model saved by torch.save, not a PyTorch Lite file"
    return "is a zip archive, but not a PyTorch Lite file"


def _facts(opened: zipfile.ZipFile, size: int, cancelled: Callable[[], bool]) -> LiteFile:
    entries = opened.infolist()
    names = [entry.filename for entry in entries]
    bytecode = next((name for name in names if name.endswith("/bytecode.pkl")), None)
    if bytecode is None:
        raise _UnfitError(_without_bytecode(names))
    if sum(entry.compress_size for entry in entries) > size:
        raise ValueError("its parts overlap")
    root = bytecode.removesuffix("bytecode.pkl")
    code = _bytecode(archive.content(opened, bytecode, MAX_BYTECODE, cancelled=cancelled), cancelled)
    storages = [
        entry
        for entry in entries
        if entry.filename.startswith((f"{root}data/", f"{root}constants/")) and entry.file_size <= size
    ]
    extra = {
        entry.filename.removeprefix(f"{root}extra/"): entry.file_size
        for entry in entries
        if entry.filename.startswith(f"{root}extra/")
    }
    _count(extra, "additions")
    return LiteFile(
        size_bytes=size,
        bytecode=code.version,
        operators=code.operators,
        functions=code.functions,
        weights_bytes=sum(entry.file_size for entry in storages),
        storages=len(storages),
        largest=tuple(sorted((entry.file_size for entry in storages), reverse=True)[:_LARGEST]),
        duplicate_bytes=_duplicates(storages),
        extra=extra,
        description=_description(opened, f"{root}extra/{DESCRIPTION}") if DESCRIPTION in extra else {},
        signature=code.signature,
    )


def _duplicates(storages: list[zipfile.ZipInfo]) -> int:
    """Bytes beyond the first of storages with the same checksum and size; small ones (scales) are often equal."""
    seen: set[tuple[int, int]] = set()
    twice = 0
    for entry in storages:
        key = (entry.CRC, entry.file_size)
        if key in seen and entry.file_size >= _NOTABLE:
            twice += entry.file_size
        seen.add(key)
    return twice


def _description(opened: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        return description.parsed(archive.content(opened, name, description.MAX_BYTES))
    except (archive.ArchiveTooLargeError, *archive.BROKEN):
        return {}


class _Code(NamedTuple):
    """What stands in ``bytecode.pkl``."""

    version: int
    operators: dict[str, int]
    functions: tuple[str, ...]
    signature: Signature | None


def _bytecode(data: bytes, cancelled: Callable[[], bool]) -> _Code:
    value = pickle_reader.read(data, cancelled=cancelled)
    if not isinstance(value, tuple) or not value:
        raise ValueError("bytecode.pkl contains no table")
    version, *functions = value
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version < 1 << 31:
        raise ValueError("bytecode.pkl names no version")
    _count(functions, "functions")
    operators: dict[str, int] = {}
    names, signature = [], None
    for function in functions:
        name, table = _pair(function)
        names.append(name[:_NAME_LENGTH])
        for operator, count in _operators(_named(table, "operators")):
            operators[operator] = max(count, operators.get(operator, -1))
            _count(operators, "operators")
        if name.endswith(".forward") and len(function) > 2 and signature is None:
            signature = signature_of(function[2])
    return _Code(version, operators, tuple(names), signature)


def _count(things: Sized, what: str) -> None:
    if len(things) > MAX_NAMES:
        raise archive.ArchiveTooLargeError(f"it has more than {MAX_NAMES:,} {what}")


def _pair(value: Any) -> tuple[str, Any]:
    if not isinstance(value, tuple) or len(value) < 2 or not isinstance(value[0], str):
        raise ValueError("bytecode.pkl contains something that is not a function")
    return value[0], value[1]


def _named(table: Any, name: str) -> Any:
    for entry in table if isinstance(table, tuple) else ():
        if isinstance(entry, tuple) and len(entry) == 2 and entry[0] == name:
            return entry[1]
    raise ValueError(f"bytecode.pkl contains a function without {name}")


def _operators(rows: Any) -> Iterator[tuple[str, int]]:
    for row in rows if isinstance(rows, tuple) else ():
        if not isinstance(row, tuple) or len(row) < 2 or not all(isinstance(part, str) for part in row[:2]):
            raise ValueError("bytecode.pkl contains something that is not an operator")
        if max(len(row[0]), len(row[1])) > _NAME_LENGTH:
            raise archive.ArchiveTooLargeError("it contains an operator name that is too long")
        count = row[2] if len(row) > 2 and isinstance(row[2], int) else -1
        yield (f"{row[0]}.{row[1]}" if row[1] else row[0]), max(-1, int(count))
