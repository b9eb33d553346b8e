"""Whether a JPEG passes over its pixels too often, told by its markers (ITU-T T.81, annex B) before decoding."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

_START_OF_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # not a stuffed byte, not padding, not a restart


def has_more_scans(path: Path, most: int) -> bool:
    """Whether the first picture in a file has more scans than ``most``.

    A small file may have thousands, and each takes as long as decoding the whole picture once.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is empty.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not _may_have_more(data, most):
            return False
        count, at = 0, 2
        while count <= most and (found := _MARKER.search(data, at)):
            marker, at = data[found.end() - 1], found.end()
            if marker == _END:
                break
            count += marker == _START_OF_SCAN
            at += int.from_bytes(data[at : at + 2], "big")
        return count > most


def _may_have_more(data: mmap.mmap, most: int) -> bool:
    """Whether the marker's two bytes stand in the file more often: quick, and no with nearly every real file."""
    at = -1
    for _ in range(most + 1):
        at = data.find(bytes((0xFF, _START_OF_SCAN)), at + 1)
        if at < 0:
            return False
    return True
