"""``history.jsonl``: the training curve of a run, one metric a line, each point once."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import ValidationError

from pqv_core.errors import from_os_error
from pqv_core.events import Metric
from pqv_core.fsio import remove


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
    """The points of a curve in the order they were made; what is no point is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise from_os_error(error, path) from error
    return [metric for line in lines if (metric := _metric(line)) is not None]


def _metric(line: bytes) -> Metric | None:
    try:
        return Metric.model_validate_json(line)
    except ValidationError:
        return None


def _mended(path: Path) -> list[Metric]:
    """The points, with half a last line cut off the file."""
    metrics = read(path)
    if metrics or path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("rb+") as file:
                file.truncate(whole)
            return read(path)
    return metrics
