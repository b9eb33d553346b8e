"""A flatbuffer from anybody, read where it lies: no offset is trusted, and what reading may cost is bounded.

The layout is that of https://flatbuffers.dev/internals: a table begins with the distance to its vtable, which says at
which place in the table each field lies; what has no fixed size stands elsewhere, at a distance that the field holds.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from pqv_core.errors import Cancelled
from pqv_core.files.archive import never

MAX_STEPS = 1_000_000
"""What reading may cost, in numbers; DeiT-T's program takes some thousands."""
_BYTES_PER_STEP = 16
_PAGE = 1 << 14
_PAGES = 64
_VTABLES = 1024
_MOST_FIELDS = 64  # of a table; ExecuTorch's have ten at most
_ASKED_EACH = 1 << 12
_SHORTER = "it became shorter while it was read"

_SCALARS: Final = {"u8": "<B", "i8": "<b", "u16": "<H", "u32": "<I", "i32": "<i", "i64": "<q", "u64": "<Q"}
_FORMS: Final = {name: struct.Struct(code) for name, code in _SCALARS.items()}


class BrokenError(ValueError):
    """What stands there cannot be; the message says why."""


class TooLargeError(Exception):
    """It costs more to read than any real one; the message says what."""


class Source:
    """The bytes of a file, of which few are held at a time, and what reading them has cost.

    Args:
        file: Open for reading; not closed here.
        size: Bytes that may be read.
        cancelled: Asked again and again whether the end is wanted.
    """

    def __init__(self, file: BinaryIO, size: int, *, cancelled: Callable[[], bool] = never) -> None:
        self.size = size
        self._file, self._cancelled = file, cancelled
        self._page = functools.lru_cache(maxsize=_PAGES)(self._read_page)
        self.vtable = functools.lru_cache(maxsize=_VTABLES)(self._read_vtable)
        self._steps = self._until_asked = 0

    def bytes_at(self, place: int, length: int) -> bytes:
        """``length`` bytes from ``place`` on.

        Raises:
            BrokenError: They lie outside.
            TooLargeError: Too much was read before.
            Cancelled: The end was asked for.
        """
        if place < 0 or place + length > self.size:
            raise BrokenError("an offset leads out of the file")
        self._spend(1 + length // _BYTES_PER_STEP)
        first, start = divmod(place, _PAGE)
        pages = [self._page(number) for number in range(first, (place + length - 1) // _PAGE + 1)]
        found = b"".join(pages)[start : start + length]
        if len(found) != length:
            raise BrokenError(_SHORTER)
        return found

    def number(self, form: str, place: int) -> int:
        """A whole number of one of the forms ``u8`` … ``u64``.

        Raises:
            As ``bytes_at``.
        """
        packed = _FORMS[form]
        page, start = divmod(place, _PAGE)
        if place < 0 or place + packed.size > self.size or start + packed.size > _PAGE:
            content, start = self.bytes_at(place, packed.size), 0
        else:  # nearly always, and twice as fast
            self._spend(1)
            content = self._page(page)
        if start + packed.size > len(content):
            raise BrokenError(_SHORTER)
        value: int
        (value,) = packed.unpack_from(content, start)
        return value

    def _read_page(self, number: int) -> bytes:
        self._file.seek(number * _PAGE)
        return self._file.read(_PAGE)

    def _read_vtable(self, place: int) -> tuple[int, ...]:
        """Where in a table each field lies; 0 where it is missing."""
        count = min(self.number("u16", place) // 2 - 2, _MOST_FIELDS)
        return tuple(self.number("u16", place + 4 + 2 * index) for index in range(count))

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise TooLargeError("its tables are larger than those of any model")
        if self._steps >= self._until_asked:
            self._until_asked = self._steps + _ASKED_EACH
            if self._cancelled():
                raise Cancelled


@dataclass(frozen=True, slots=True)
class Table:
    """A table at a place. Fields are asked for by their number in the schema; one that is missing has its default.

    Raises:
        BrokenError: Of every method: an offset leads out of the file.
        TooLargeError: Likewise: too much was read.
    """

    source: Source
    place: int

    def number(self, field: int, form: str, default: int = 0) -> int:
        """A whole number."""
        at = self._at(field)
        return default if at is None else self.source.number(form, at)

    def table(self, field: int) -> Table | None:
        """Another table."""
        at = self._target(field)
        return None if at is None else Table(self.source, at)

    def data(self, field: int, limit: int) -> bytes:
        """A text or row of bytes, undecoded, at most ``limit`` of them; empty where it is missing.

        Raises:
            TooLargeError: It is longer.
        """
        found = self._vector(field, 1)
        if found is None:
            return b""
        start, count = found
        if count > limit:
            raise TooLargeError(f"a text in it has {count:,} bytes")
        return self.source.bytes_at(start, count)

    def text(self, field: int, limit: int = 1000) -> str:
        """A text in UTF-8.

        Raises:
            BrokenError: It is none.
            TooLargeError: It is longer than ``limit`` bytes.
        """
        try:
            return self.data(field, limit).decode("utf-8")
        except UnicodeDecodeError as error:
            raise BrokenError("a name in it is no text") from error

    def length(self, field: int, width: int) -> int:
        """How many elements of ``width`` bytes a vector has; all of them lie inside."""
        found = self._vector(field, width)
        return found[1] if found else 0

    def numbers(self, field: int, form: str) -> Iterator[int]:
        """The whole numbers of a vector, read one by one."""
        width = _FORMS[form].size
        start, count = self._vector(field, width) or (0, 0)
        return (self.source.number(form, start + width * index) for index in range(count))

    def tables(self, field: int) -> Iterator[Table]:
        """The tables of a vector, found one by one."""
        return (self.table_of(field, index) for index in range(self.length(field, 4)))

    def table_of(self, field: int, index: int) -> Table:
        """One of the tables of a vector.

        Raises:
            BrokenError: There is none of that number.
        """
        start, count = self._vector(field, 4) or (0, 0)
        if not 0 <= index < count:
            raise BrokenError(f"it names number {index:,} of {count:,}")
        return Table(self.source, _followed(self.source, start + 4 * index))

    def _vector(self, field: int, width: int) -> tuple[int, int] | None:
        """The place of the first element, and how many there are."""
        at = self._target(field)
        if at is None:
            return None
        count = self.source.number("u32", at)
        if at + 4 + count * width > self.source.size:
            raise BrokenError("a list in it is longer than the file")
        return at + 4, count

    def _target(self, field: int) -> int | None:
        at = self._at(field)
        return None if at is None else _followed(self.source, at)

    def _at(self, field: int) -> int | None:
        fields = self.source.vtable(self.place - self.source.number("i32", self.place))
        within = fields[field] if field < len(fields) else 0
        return self.place + within if within else None


def root(source: Source) -> Table:
    """The table that everything else hangs on.

    Raises:
        BrokenError: There is none.
    """
    return Table(source, _followed(source, 0))


def _followed(source: Source, place: int) -> int:
    distance = source.number("u32", place)
    if distance < 4:
        raise BrokenError("an offset in it points at itself")
    return place + distance
