"""What the Compare page does: reads the runs beside the window, names them, moves them to the trash, writes reports."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFile, QObject, QStandardPaths, Signal

from pqv_core import comparison
from pqv_core.comparison import Comparison, columns, stored_runs
from pqv_core.comparison.stored_runs import Stamp
from pqv_core.errors import ErrorInfo, StorageError
from pqv_core.files.fsio import patiently
from pqv_core.project import run_label, runs
from pqv_core.report import write as report
from pqv_core.report.write import Format
from pqv_gui.desks.lost_desk import LostDesk
from pqv_gui.pages.compare.comparison_view import ComparisonView
from pqv_gui.services import garbage
from pqv_gui.services.file_writer import FileWriter
from pqv_gui.services.jobs import Tasks
from pqv_gui.viewmodels.project_session import ProjectSession


@dataclass(frozen=True)
class _Read:
    """What was read, and the stamp that the runs had then."""

    stamp: Stamp
    found: Comparison


class CompareDesk(QObject):
    """Keeps the comparison of the open project true."""

    changed = Signal()
    failed = Signal(object)  # ErrorInfo
    written = Signal(object)  # Path of a report
    trashed = Signal(object)  # Path that the run's folder had
    closing = Signal()  # the last moment to keep what was typed

    def __init__(self, session: ProjectSession, tasks: Tasks, writer: FileWriter, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._tasks, self._writer = session, tasks, writer
        self.lost = LostDesk(session, tasks, self)
        self.view = ComparisonView()
        self.view.subscribe(self.changed.emit)
        self._reading = self._again = False
        self._known: _Read | None = None
        self.read()

    @property
    def project(self) -> Path | None:
        """The open project."""
        return self._session.path

    def entered(self) -> None:
        """Another project is open, or none."""
        self.view.reset()
        self.lost.show_run(None)
        self._known = None
        self.read()

    def read(self) -> None:
        """Read the runs anew, unless none of their files has changed."""
        project, known = self.project, self._known
        if project is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        self.view.filling()
        self._tasks.start(
            lambda _: _load(project, known),
            done=lambda found: self._read(project, found),
            failed=lambda error: self._read(project, error),
        )

    def _read(self, project: Path, found: _Read | ErrorInfo) -> None:
        self._reading = False
        if project != self.project or self._again:
            self._again = False
            self.read()
        elif isinstance(found, ErrorInfo):
            self._known = None
            self.view.failed(found)
        elif found is not self._known:
            self._known = found
            self.view.take(found.found)

    # what a person does --------------------------------------------------------------------------------------

    def label(self, directory: Path, *, name: str, note: str) -> None:
        """Keep a run's name and note."""
        self._writer.put(
            directory / run_label.LABEL_FILE,
            lambda: run_label.save(directory, name=name, note=note),
            done=self.read,
            failed=lambda error: self._said(error.info()),
        )

    def trash(self, directory: Path) -> None:
        """Move a run to the system's trash."""

        def done(_: None) -> None:
            self.trashed.emit(directory)
            self.read()

        self._tasks.start(lambda _: _trash(directory), done=done, failed=self._said)

    def export(self, out: Path, kind: Format) -> None:
        """Write a report on the ticked runs."""
        project, runs = self.project, self.view.ticked
        if project is None:
            return
        self._tasks.start(
            lambda _: report.write(project, out, kind=kind, runs=runs),
            done=lambda _: self.written.emit(out),
            failed=self._said,
        )

    def _said(self, error: ErrorInfo) -> None:
        self.failed.emit(error)
        self.read()


def _load(project: Path, known: _Read | None) -> _Read:
    """Read the runs, and make ready what is said of them; what is known where it is still true."""
    stamp = stored_runs.stamp(project)
    if known is not None and known.stamp == stamp and known.found.is_settled:
        return known
    with garbage.uncollected():
        found = comparison.load(project)
        columns.spell_out(found.rows)
        return _Read(stamp, found)


def _trash(directory: Path) -> None:
    """Move a run to the trash; none begins to work in it meanwhile, or takes over what is in it."""
    with runs.arranging(directory.parent):
        _move(run_label.movable(directory))


def _move(directory: Path) -> None:
    """Move a folder to the trash.

    Raises:
        StorageError: The system has no trash for it.
    """
    home = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation))
    with contextlib.suppress(OSError):  # Qt makes the trash itself, but not the folder around it
        home.mkdir(parents=True, exist_ok=True)

    def move() -> None:
        if not QFile(str(directory)).moveToTrash():
            raise PermissionError(directory)

    try:
        patiently(move)
    except PermissionError as error:
        raise StorageError(
            f"The run {directory.name} could not be moved to the trash.",
            action="Close programs that use its files and try again, or delete its folder yourself.",
            details=str(directory),
        ) from error
