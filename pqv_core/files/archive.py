"""Zip archives from anybody: what opening one, and unfolding a part of it, may cost is bounded beforehand."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

from pqv_core.errors import Cancelled

MAX_ENTRIES = 60_000
"""MaxViT-L's file has 4,400, the largest number that we know of."""
MAX_DIRECTORY = 8 << 20
"""Bytes of the list of entries; MaxViT-L's takes 0.4 MB."""

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError),
    *(struct.error, OverflowError),
)
"""What ``zipfile`` raises on archives that are cut, wrong, or packed in a way that it does not know."""

_END, _END_BYTES, _COMMENT_BYTES = b"PK\x05\x06", 22, 1 << 16
_WIDE, _WIDE_BYTES = b"PK\x06\x06", 56 + 20  # zip64's end of the directory, and its locator
_ENTRY, _ENTRY_BYTES = b"PK\x01\x02", 46
_BLOCK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # PyTorch's own; of others a small file may ask for gigabytes


class ArchiveTooLargeError(Exception):
    """An archive, or a part of one, that is larger than anything real; the message says what of it."""


class NoEndError(ValueError):
    """An archive whose end is missing, where the list of its entries stands."""


def never() -> bool:
    """Whether the end was asked for, where nobody can ask."""
    return False


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """The archive in ``file``, once its list of entries is known to be of a size that can be.

    Raises:
        ArchiveTooLargeError: It has more entries than any real one.
        NoEndError: It is cut, or is no archive.
        OSError: It cannot be read.
        *BROKEN*: It is damaged.
    """
    directory = _directory(file)
    count = _entries(directory)
    if count > MAX_ENTRIES:
        raise ArchiveTooLargeError(f"it has more than {MAX_ENTRIES:,} entries")
    file.seek(0)
    return zipfile.ZipFile(file)


def _directory(file: BinaryIO) -> bytes:
    """The bytes of the list of entries, found from the end of the file as ``zipfile`` does."""
    size = file.seek(0, 2)
    start = max(0, size - _END_BYTES - _COMMENT_BYTES - _WIDE_BYTES)
    file.seek(start)
    tail = file.read()
    end = len(tail) - _END_BYTES
    if not (tail.startswith(_END, max(0, end)) and tail.endswith(b"\0\0")):  # else there is a comment behind it
        end = tail.rfind(_END, max(0, end - _COMMENT_BYTES))
    if end < 0 or len(tail) < end + _END_BYTES:
        raise NoEndError("no end of the archive")
    length: int = struct.unpack_from("<I", tail, end + 12)[0]
    wide = end - _WIDE_BYTES
    if wide >= 0 and tail.startswith(_WIDE, wide):
        length, end = struct.unpack_from("<Q", tail, wide + 40)[0], wide
    if length > MAX_DIRECTORY:
        raise ArchiveTooLargeError(f"the list of its entries takes {length >> 20:,} MB")
    file.seek(max(0, start + end - length))
    return file.read(length)


def _entries(directory: bytes) -> int:
    """How many entries there are, counted only as far as is allowed; what the archive claims is not believed."""
    at = count = 0
    while count <= MAX_ENTRIES and directory.startswith(_ENTRY, at) and at + _ENTRY_BYTES <= len(directory):
        at += _ENTRY_BYTES + sum(struct.unpack_from("<3H", directory, at + 28))
        count += 1
    return count


def content(archive: zipfile.ZipFile, name: str, limit: int, *, cancelled: Callable[[], bool] = never) -> bytes:
    """An entry's bytes, at most ``limit`` of them, whatever the archive claims: a bomb is refused while it unfolds.

    Raises:
        ArchiveTooLargeError: It unfolds to more.
        Cancelled: ``cancelled`` said so.
        *BROKEN*: It is damaged.
    """
    entry = archive.getinfo(name)
    if entry.compress_type not in _METHODS:
        raise NotImplementedError(f"{entry.filename!r} is packed by method {entry.compress_type}")
    parts, total = [], 0
    with archive.open(entry) as file:
        while part := file.read(_BLOCK):
            if cancelled():
                raise Cancelled
            total += len(part)
            if total > limit:
                raise ArchiveTooLargeError(f"{name.rpartition('/')[2]} unfolds to more than {limit >> 20} MB")
            parts.append(part)
    return b"".join(parts)
