"""``history.jsonl``: the training curve of a run, one metric a line, each point once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from pqv_core.errors import from_os_error
from pqv_core.files.fsio import remove
from pqv_core.process.events import Metric

MAX_POINTS = 1_000_000
_LINE_BYTES = 4096
_BLOCK = 1 << 20


class History:
    """The file at ``path``, open for adding.

    A run that was killed may have left half a line, which is cut off. One that goes on sends some points again (the
    same ones, from its last saved state on); they are recognised by their step and not added twice.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[str, int] = {}
        for metric in _mended(path):
            self._last[metric.name] = max(metric.step, self._last.get(metric.name, metric.step))

    def add(self, metric: Metric) -> bool:
        """Add a point; False when the curve has it already.

        Raises:
            StorageError: The file cannot be written.
        """
        if metric.step <= self._last.get(metric.name, metric.step - 1):
            return False
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(metric.model_dump_json(exclude={"run", "type"}) + "\n")
        except OSError as error:
            raise from_os_error(error, self._path) from error
        self._last[metric.name] = metric.step
        return True

    def begin(self, earlier: Path | None = None) -> None:
        """Forget all points, for a training begins anew; those of an ``earlier`` one come first."""
        remove(self._path)
        if earlier is not None:
            shutil.copy(earlier, self._path)
        self._last = {metric.name: metric.step for metric in read(self._path)}


def read(path: Path) -> list[Metric]:
    """The points of a curve in the order they were made, at most ``MAX_POINTS``; what is no point is passed over.

    Raises:
        StorageError: The file cannot be read.
    """
    points: list[Metric] = []
    try:
        with path.open("rb") as file:
            for line in _lines(file):
                metric = _metric(line)
                if metric is not None:
                    points.append(metric)
                if len(points) == MAX_POINTS:
                    break
    except FileNotFoundError:
        return []
    except OSError as error:
        raise from_os_error(error, path) from error
    return points


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file but those that are longer than any point, of which no more than a part is ever held."""
    at_start = True
    while part := file.readline(_LINE_BYTES):
        ends = part.endswith(b"\n") or len(part) < _LINE_BYTES
        if at_start and ends:
            yield part
        at_start = ends


def _metric(line: bytes) -> Metric | None:
    try:
        return Metric.model_validate_json(line)
    except ValidationError:
        return None


def _mended(path: Path) -> list[Metric]:
    """The points, with half a last line cut off the file.

    Raises:
        StorageError: The file cannot be read or written.
    """
    try:
        with path.open("rb+") as file:
            whole = at = 0
            while part := file.read(_BLOCK):
                if (newline := part.rfind(b"\n")) >= 0:
                    whole = at + newline + 1
                at += len(part)
            if whole < at:
                file.truncate(whole)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise from_os_error(error, path) from error
    return read(path)
