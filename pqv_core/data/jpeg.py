"""Whether a JPEG passes over its pixels too often, told by its markers (ITU-T T.81, annex B) before decoding."""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import BinaryIO

_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # not a stuffed byte, not padding, not a restart
_BLOCK = 1 << 20


def has_more_scans(path: Path, most: int) -> bool:
    """Whether the first picture in a file has more scans than ``most``.

    A small file may have thousands, and each takes as long as decoding the whole picture once.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        if not _may_have_more(file, most):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _scans(data, most) > most


def _may_have_more(file: BinaryIO, most: int) -> bool:
    """Whether the marker's two bytes stand in the file as often: quick, and no with nearly every real file."""
    count = 0
    while block := file.read(_BLOCK):
        count += block.count(bytes((0xFF, _SCAN))) + block.endswith(b"\xff")  # which the next may complete
    return count > most


def _scans(data: mmap.mmap, most: int) -> int:
    """Scans up to the end of the first picture, counted as far as ``most`` + 1."""
    count, at = 0, 2
    while count <= most and (found := _MARKER.search(data, at)):
        marker, at = data[found.end() - 1], found.end()
        if marker == _END:
            break
        count += marker == _SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    return count
