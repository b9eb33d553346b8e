"""Flatbuffers as tests want them, also such as no program would write: shared, looped, cut or lying ones."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[int, Any]
"""A table by the numbers of its fields. A whole number stands for itself in four bytes; ``(form, number)`` in others
(struct's letters); a text, bytes, another table, and a list of tables or of numbers stand elsewhere. What is the same
object is written once."""


@dataclass
class Written:
    """Where each object stands so far, and the tables that are not yet whole."""

    places: dict[int, int] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)


def written(top: Fields, *, identifier: bytes = b"ET12", header: bytes = b"") -> bytes:
    """The file whose root is ``top``.

    Args:
        header: What stands between the identifier and the first table.
    """
    out = bytearray(struct.pack("<I", 0) + identifier + header)
    _point(out, 0, top, Written())
    return bytes(out)


def extended(segments: bytes, *, top: Fields, missing: int = 0) -> bytes:
    """A file with an extended header and segments behind the program; ``missing`` bytes too few of them."""
    program = len(written(top, header=bytes(32)))
    header = struct.pack("<4sIQQQ", b"eh00", 32, program, program, len(segments))
    return written(top, header=header) + segments[: len(segments) - missing]


def _point(out: bytearray, at: int, value: Any, known: Written) -> None:
    """Write ``value`` behind everything, unless it is there already, and its distance at ``at``.

    Distances lead forward; only a table that holds itself, and is not yet done, is pointed back to.
    """
    done = known.places.get(id(value))
    if done is None or (done < at and id(value) not in known.unfinished):
        known.places[id(value)] = _place(out, value, known)
    struct.pack_into("<i", out, at, known.places[id(value)] - at)


def _place(out: bytearray, value: Any, known: Written) -> int:
    if isinstance(value, Mapping):
        return _table(out, value, known)
    place = len(out)
    if isinstance(value, str | bytes):
        content = value.encode() if isinstance(value, str) else value
        out.extend(struct.pack("<I", len(content)) + content + b"\0")
        return place
    if isinstance(value, tuple):  # (form, numbers) of another width
        form, numbers = value
        out.extend(struct.pack("<I", len(numbers)) + struct.pack(f"<{len(numbers)}{form}", *numbers))
        return place
    _list(out, value, known)
    return place


def _list(out: bytearray, items: Sequence[Any], known: Written) -> None:
    start = len(out) + 4
    out.extend(struct.pack("<I", len(items)) + bytes(4 * len(items)))
    for index, item in enumerate(items):
        if isinstance(item, int):
            struct.pack_into("<i", out, start + 4 * index, item)
        else:
            _point(out, start + 4 * index, item, known)


def _table(out: bytearray, fields: Fields, known: Written) -> int:
    """A vtable and its table, in which each field takes eight bytes."""
    last = max(fields, default=-1)
    places = [4 + 8 * number if number in fields else 0 for number in range(last + 1)]
    vtable = len(out)
    out.extend(struct.pack(f"<{2 + len(places)}H", 4 + 2 * len(places), 4 + 8 * len(places), *places))
    table = len(out)
    known.places[id(fields)] = table
    known.unfinished.add(id(fields))  # a table below may point back to it
    out.extend(struct.pack("<i", table - vtable) + bytes(8 * len(places)))
    for number, value in fields.items():
        at = table + 4 + 8 * number
        if isinstance(value, int):
            struct.pack_into("<i", out, at, value)
        elif isinstance(value, tuple) and isinstance(value[1], int):
            struct.pack_into(f"<{value[0]}", out, at, value[1])
        else:
            _point(out, at, value, known)
    known.unfinished.discard(id(fields))
    return table
