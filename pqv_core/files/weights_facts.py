"""What a file of weights holds, as far as can be said without torch and without running anything in it."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pqv_core import formatting
from pqv_core.errors import from_os_error
from pqv_core.files import archive, pickle_reader
from pqv_core.files.archive import never
from pqv_core.files.foreign_text import line
from pqv_core.files.fsio import parse_json
from pqv_core.files.kind import Kind
from pqv_core.files.pickle_reader import Opaque

_HEAD = 16 << 20
_NAMES = 8
_MOST = 1_000_000
_SAFETENSORS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
}
_LEGACY_HEADS = 3  # a magic number, the protocol, the system


@dataclass(frozen=True)
class WeightsFacts:
    """What is known of a file of weights.

    Attributes:
        parameters: Numbers in all tensors together; those of an optimizer's state count too.
        types: Tensors of each type of number, by its name.
        names: What stands at the top: names of tensors, or of tables such as ``model`` and ``optimizer``.
        made_by: Class of the object that was pickled as a whole, in place of a table of tensors; else empty.
    """

    tensors: int
    parameters: int
    types: dict[str, int]
    names: tuple[str, ...]
    made_by: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each fact."""
        if self.made_by:
            return [("Holds", f"an object of the class {line(self.made_by, 200)}")]
        types = ", ".join(f"{name} ({count:,})" for name, count in sorted(self.types.items(), key=lambda row: -row[1]))
        more = " …" if len(self.names) > _NAMES else ""
        return [
            ("Tensors", f"{self.tensors:,}"),
            ("Numbers", formatting.count(self.parameters)),
            ("Types", types or "none"),
            ("Holds", ", ".join(line(name, 80) for name in self.names[:_NAMES]) + more),
        ]


def read(path: Path, kind: Kind, *, cancelled: Callable[[], bool] = never) -> WeightsFacts | None:
    """The facts of a safetensors file or a PyTorch checkpoint; None where it does not say, or is too large to be read.

    Raises:
        StorageError: The file cannot be read.
        Cancelled: ``cancelled`` said so.
    """
    try:
        if kind in (Kind.SAFETENSORS, Kind.OUR_CHECKPOINT):
            return _safetensors(path)
        if kind is Kind.PYTORCH:
            return _facts(pickle_reader.read(_pickle(path, cancelled), cancelled=cancelled))
        if kind is Kind.PYTORCH_LEGACY:
            return _facts(_legacy(path, cancelled))
    except OSError as error:
        raise from_os_error(error, path) from error
    except (archive.ArchiveTooLargeError, *archive.BROKEN, AttributeError, KeyError, TypeError):
        return None
    return None


def _safetensors(path: Path) -> WeightsFacts:
    with path.open("rb") as file:
        length: int = struct.unpack("<Q", file.read(8))[0]
        if length > _HEAD:
            raise archive.ArchiveTooLargeError
        header = parse_json(file.read(length).decode("utf-8"))
    header.pop("__metadata__", None)
    types = Counter(_SAFETENSORS.get(entry["dtype"], line(str(entry["dtype"]), 20)) for entry in header.values())
    numbers = sum(_product(tuple(entry["shape"])) for entry in header.values())
    return WeightsFacts(len(header), numbers, dict(types), tuple(header))


def _pickle(path: Path, cancelled: Callable[[], bool]) -> bytes:
    with path.open("rb") as file, archive.opened(file) as opened:
        name = next(name for name in opened.namelist() if name.endswith("/data.pkl"))
        return archive.content(opened, name, _HEAD, cancelled=cancelled)


def _legacy(path: Path, cancelled: Callable[[], bool]) -> Any:
    with path.open("rb") as file:
        data = file.read(_HEAD)
    at = 0
    for _ in range(_LEGACY_HEADS):
        _, at = pickle_reader.read_next(data, at, cancelled=cancelled)
    return pickle_reader.read_next(data, at, cancelled=cancelled)[0]


def _facts(value: Any) -> WeightsFacts:
    types: Counter[str] = Counter()
    numbers = 0
    for type_, shape in _tensors(value):
        types[type_] += 1
        numbers += _product(shape)
    names = tuple(str(name) for name in value) if isinstance(value, dict) else ()
    return WeightsFacts(types.total(), numbers, dict(types), names, made_by=_class(value))


def _class(value: Any) -> str:
    """The class of an object that is no plain data."""
    function = value.of[0] if isinstance(value, Opaque) and value.kind == "call" else None
    return str(function.of).replace(" ", ".") if isinstance(function, Opaque) and function.kind == "global" else ""


def _tensors(value: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Type and shape of each tensor in what a pickle holds, each once, however often it is referred to."""
    waiting, seen = [value], {id(value)}
    while waiting and len(seen) < _MOST:
        item = waiting.pop()
        if found := _tensor(item):
            yield found
            continue
        inner = item.of if isinstance(item, Opaque) else item
        parts = inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list | tuple) else (inner,)
        for part in parts:
            if isinstance(part, dict | list | tuple | Opaque) and id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


def _tensor(item: Any) -> tuple[str, tuple[Any, ...]] | None:
    """Of a call that rebuilds a tensor (torch/_utils.py): the type in its storage's class, and its shape."""
    if not isinstance(item, Opaque) or item.kind != "call":
        return None
    function, given = item.of
    if not isinstance(function, Opaque) or not str(function.of).startswith("torch._utils _rebuild_"):
        return None
    if not isinstance(given, tuple) or len(given) < 3 or not isinstance(given[0], Opaque):
        return None
    storage, shape = given[0].of, given[2]
    if given[0].kind != "persistent" or not isinstance(storage, tuple) or len(storage) < 2:
        return None
    name = str(getattr(storage[1], "of", "")).removeprefix("torch ").removesuffix("Storage")
    return _STORAGES.get(name, line(name.lower(), 20)), shape if isinstance(shape, tuple) else ()


def _product(shape: tuple[Any, ...]) -> int:
    """Numbers in a tensor; none where the shape cannot be one."""
    fits = len(shape) <= 64 and all(isinstance(size, int) and 0 <= size < 1 << 40 for size in shape)
    return math.prod(shape) if fits else 0
