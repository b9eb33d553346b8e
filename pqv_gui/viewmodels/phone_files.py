"""The files that can be measured: those of the project's last run, and any from the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pqv_core import formatting
from pqv_core.comparison.rows import engine_name, precision
from pqv_core.errors import UsageError, from_os_error
from pqv_core.results import RunRecord
from pqv_gui.viewmodels import labels
from pqv_gui.viewmodels.observable import Observable

SUFFIX = ".ptl"
_LEFT_OUT = ("pruned_fp32",)  # a step on the way; ticked by whoever wants it


@dataclass(frozen=True)
class File:
    """A file to measure.

    Attributes:
        role: Of the artefact in its run; empty for a file from the disk.
    """

    path: Path
    size_bytes: int
    role: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return labels.role(self.role) if self.role else self.path.name

    @property
    def detail(self) -> str:
        """The rest of what is known."""
        parts = [self.path.name if self.role else "", formatting.size(self.size_bytes), self.note]
        return " · ".join(part for part in parts if part)


class Files(Observable):
    """Which files there are and which are ticked.

    Attributes:
        directory: Of the run whose files are offered.
        made_here: Whether these were exported for this computer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.directory: Path | None = None
        self._run: dict[Path, File] = {}
        self._added: dict[Path, File] = {}
        self._ticks: dict[Path, bool] = {}
        self.made_here = False

    @property
    def files(self) -> tuple[File, ...]:
        """Those of the run, then those that were added."""
        return (*self._run.values(), *self._added.values())

    @property
    def chosen(self) -> tuple[File, ...]:
        """What is ticked."""
        return tuple(file for file in self.files if self.is_ticked(file.path))

    def is_ticked(self, path: Path) -> bool:
        """What the person said; else everything but what is a step on the way."""
        file = self._run.get(path) or self._added.get(path)
        return file is not None and self._ticks.get(path, file.role not in _LEFT_OUT)

    def tick(self, path: Path, wanted: bool) -> None:
        """Measure this file, or not."""
        self._ticks[path] = wanted
        self.notify()

    def show_run(self, record: RunRecord | None, directory: Path | None) -> None:
        """The artefacts of a run that are still there."""
        found: dict[Path, File] = {}
        for variant in record.variants if record is not None and directory is not None else ():
            assert directory is not None
            path = directory / variant.file
            if path.suffix == SUFFIX and path.is_file():
                engine = engine_name(variant.engine) if variant.precision.startswith("int8") else ""
                note = " · ".join(part for part in (precision(variant.precision), engine) if part)
                found[path] = File(path, variant.size_bytes, role=variant.role, note=note)
        if (found, directory) != (self._run, self.directory):
            self._run, self.directory = found, directory
            export = record.config.get("export", {}) if record is not None else {}
            self.made_here = bool(found) and export.get("target", "host") == "host"
            self.notify()

    def add(self, path: Path) -> None:
        """Add a file from the disk, ticked.

        Raises:
            PqvError: It cannot be read, or is no ``.ptl``.
        """
        path = path.resolve()
        if path.suffix.lower() != SUFFIX:
            raise UsageError(f"{path.name} is not a PyTorch Lite file.", action="Choose a file that ends in .ptl.")
        try:
            size = path.stat().st_size
        except OSError as error:
            raise from_os_error(error, path) from error
        if path not in self._run:
            self._added[path] = File(path, size)
        self._ticks[path] = True
        self.notify()

    def remove(self, path: Path) -> None:
        """Take out a file that was added; it stays on the disk."""
        if self._added.pop(path, None) is not None:
            self._ticks.pop(path, None)
            self.notify()
