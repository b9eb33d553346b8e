"""What stands in a PyTorch Lite file (``.ptl``), read without torch and without running anything in it.

A ``.ptl`` is a zip archive: ``bytecode.pkl`` holds the version and, for each function, its instructions, operators
(name, overload, number of arguments given), constants and types (torch/csrc/jit/serialization/export_bytecode.cpp);
``data/`` and ``constants/`` hold the weights; ``extra/`` what the exporter added.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pqv_core import pickle_reader
from pqv_core.errors import PqvError, from_os_error

DESCRIPTION = "pqv.json"
MAX_BYTECODE = 64 << 20
MAX_DESCRIPTION = 1 << 20
MAX_ENTRIES = 200_000
_BLOCK = 1 << 20
_LARGEST = 10
_NOTABLE = 16_384
_CHOOSE = "Choose a whole .ptl file made for the Lite Interpreter; a .pt or .pth is another format."


class PtlError(PqvError):
    """The file is damaged, or is no PyTorch Lite file."""


class LiteFile(BaseModel):
    """Facts of a ``.ptl``.

    Attributes:
        bytecode: Version of the bytecode.
        operators: Number of arguments given to each operator, by ``name.overload``; the most where calls differ, -1
            where the file does not say.
        weights_bytes: Bytes of all stored tensors.
        storages: Number of stored tensors.
        largest: Bytes of the largest of them, largest first.
        duplicate_bytes: Bytes of tensors that are stored more than once, beyond the first time.
        extra: Names of the exporter's additions, with their sizes.
        description: The JSON that PQV-Mobile put into the file; empty for a foreign file.
    """

    model_config = ConfigDict(frozen=True)

    size_bytes: int
    bytecode: int
    operators: dict[str, int]
    functions: tuple[str, ...]
    weights_bytes: int
    storages: int
    largest: tuple[int, ...] = ()
    duplicate_bytes: int = 0
    extra: dict[str, int]
    description: dict[str, Any]

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of the fp32 input that the file itself names."""
        shape = self.description.get("input_shape")
        preprocessing = self.description.get("preprocessing")
        size = preprocessing.get("input_size") if isinstance(preprocessing, dict) else None
        if shape is None and isinstance(size, list):
            shape = [1, *size]
        if isinstance(shape, list) and 0 < len(shape) <= 8 and all(_is_size(size) for size in shape):
            return tuple(shape)
        return None


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1 << 20


def read(path: Path) -> LiteFile:
    """Read a ``.ptl``'s facts; safe for files from anybody.

    Raises:
        PtlError: Damaged, or another kind of file.
        StorageError: It cannot be read.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            return _facts(archive, size)
    except OSError as error:
        raise from_os_error(error, path) from error
    except _UnfitError as error:
        raise PtlError(f"{path.name} {error}.", action=_CHOOSE) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise PtlError(
            f"{path.name} {_what_is_wrong(path)}.", action=_CHOOSE, details=f"{type(error).__name__}: {error}"
        ) from error


class _UnfitError(Exception):
    """A whole archive that is not what was asked for; the message says what it is."""


def _what_is_wrong(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        return "is empty"
    if not start.startswith(b"PK"):
        return "is not a PyTorch Lite file"
    return "is damaged" if zipfile.is_zipfile(path) else "is cut short: its end is missing"


def _without_bytecode(names: list[str]) -> str:
    """What an archive holds that is no ``.ptl``."""
    if any("/code/" in name for name in names):
        return "is TorchScript, but not written for the Lite Interpreter: it has no bytecode"
    if any(name.endswith("/data.pkl") for name in names):
        return "holds weights or a pickled model, as torch.save writes them: it is not a PyTorch Lite file"
    return "is a zip archive, but not a PyTorch Lite file"


def _facts(archive: zipfile.ZipFile, size: int) -> LiteFile:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{len(entries)} entries")
    names = [entry.filename for entry in entries]
    bytecode = next((name for name in names if name.endswith("/bytecode.pkl")), None)
    if bytecode is None:
        raise _UnfitError(_without_bytecode(names))
    root = bytecode.removesuffix("bytecode.pkl")
    version, operators, functions = _bytecode(_content(archive, bytecode, MAX_BYTECODE))
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
    return LiteFile(
        size_bytes=size,
        bytecode=version,
        operators=operators,
        functions=functions,
        weights_bytes=sum(entry.file_size for entry in storages),
        storages=len(storages),
        largest=tuple(sorted((entry.file_size for entry in storages), reverse=True)[:_LARGEST]),
        duplicate_bytes=_duplicates(storages),
        extra=extra,
        description=_description(archive, f"{root}extra/{DESCRIPTION}") if DESCRIPTION in extra else {},
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


def _content(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """At most ``limit`` bytes, whatever the archive claims: a bomb is refused while it unfolds."""
    parts, total = [], 0
    with archive.open(name) as file:
        while part := file.read(_BLOCK):
            total += len(part)
            if total > limit:
                raise _UnfitError(f"is refused: {name.rpartition('/')[2]} unfolds to more than {limit >> 20} MB")
            parts.append(part)
    return b"".join(parts)


def _description(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        value = json.loads(_content(archive, name, MAX_DESCRIPTION))
    except (ValueError, RecursionError, _UnfitError):
        return {}
    return value if isinstance(value, dict) else {}


def _bytecode(data: bytes) -> tuple[int, dict[str, int], tuple[str, ...]]:
    value = pickle_reader.read(data)
    if not isinstance(value, tuple) or not value:
        raise ValueError("bytecode.pkl holds no table")
    version, *functions = value
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version < 1 << 31:
        raise ValueError("bytecode.pkl names no version")
    operators: dict[str, int] = {}
    names = []
    for function in functions:
        name, table = _pair(function)
        names.append(str(name)[:1000])
        for operator, count in _operators(_named(table, "operators")):
            operators[operator] = max(count, operators.get(operator, -1))
    return version, operators, tuple(names)


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, tuple) or len(value) < 2 or not isinstance(value[0], str):
        raise ValueError("bytecode.pkl holds something that is not a function")
    return value[0], value[1]


def _named(table: Any, name: str) -> Any:
    for entry in table if isinstance(table, tuple) else ():
        if isinstance(entry, tuple) and len(entry) == 2 and entry[0] == name:
            return entry[1]
    raise ValueError(f"bytecode.pkl holds a function without {name}")


def _operators(rows: Any) -> Iterator[tuple[str, int]]:
    for row in rows if isinstance(rows, tuple) else ():
        if not isinstance(row, tuple) or len(row) < 2 or not all(isinstance(part, str) for part in row[:2]):
            raise ValueError("bytecode.pkl holds something that is not an operator")
        count = row[2] if len(row) > 2 and isinstance(row[2], int) else -1
        yield (f"{row[0]}.{row[1]}" if row[1] else row[0]), max(-1, int(count))
