"""Reads, beside the window, what the chosen run lost; of several that are asked for meanwhile the last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from pqv_core.comparison import StoredRun, confusion
from pqv_core.config.data import Scale
from pqv_core.errors import ErrorInfo
from pqv_core.results import answers, losses
from pqv_core.results.record import RunRecord
from pqv_gui.pages.compare.lost_view import LostInRun, LostView
from pqv_gui.services import garbage
from pqv_gui.services.jobs import Tasks
from pqv_gui.services.pictures import Pictures
from pqv_gui.viewmodels.project_session import ProjectSession

Asked = tuple[Path, object, str, str]


class LostDesk(QObject):
    """Keeps true what is shown of the answers of one run."""

    changed = Signal()

    def __init__(self, session: ProjectSession, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._tasks = session, tasks
        self.view = LostView()
        self.view.subscribe(self.changed.emit)
        self.pictures = Pictures(tasks, self)
        self._run: StoredRun | None = None
        self._shown: Asked | None = None
        self._reading = False

    def show_run(self, run: StoredRun | None) -> None:
        """Show what this run lost, read anew where it has been worked on since."""
        if run is None or self._run is None or run.directory != self._run.directory:
            self.view.before = self.view.after = ""
        self._run = run
        self._look()

    def compare(self, before: str, after: str) -> None:
        """Compare these two models or files of the run."""
        self.view.before, self.view.after = before, after
        self._look()

    def read_again(self) -> None:
        """Try once more."""
        self._shown = None
        self._look()

    def _look(self) -> None:
        run, project, view = self._run, self._session.path, self.view
        if self._reading:
            return
        if run is None or project is None:
            self._shown = None
            if view.state != "none":
                view.take(None)
            return
        asked = _asked(run, view)
        if asked == self._shown:
            return
        other = self._shown is None or self._shown[0] != run.directory
        self._shown, self._reading = asked, True
        before, after = view.before, view.after
        view.filling(other=other)
        self._tasks.start(
            lambda _: _read(run, project, before, after),
            done=lambda found: self._read(asked, found),
            failed=lambda error: self._read(asked, error),
        )

    def _read(self, asked: Asked, found: LostInRun | ErrorInfo | None) -> None:
        self._reading = False
        if self._run is None or _asked(self._run, self.view) != asked:
            self._look()  # another was asked for meanwhile
        elif isinstance(found, ErrorInfo):
            self.view.failed(found)
        else:
            self.pictures.begin(found.scale if found is not None else Scale())
            self.view.take(found)


def _asked(run: StoredRun, view: LostView) -> Asked:
    """What is shown depends on nothing else."""
    stages = tuple((stage.name, stage.state, stage.inputs_hash) for stage in run.record.stages)
    return run.directory, stages, view.before, view.after


def _read(run: StoredRun, project: Path, before: str, after: str) -> LostInRun | None:
    """Read the answers of a run, and make ready what is shown of them."""
    with garbage.uncollected():
        given = answers.load(run.directory, run.record)
        if given is None:
            return None
        known = {each.key for each in given.judged}
        found = losses.between(given, *(key if key in known else "" for key in (before, after)))
        folder = answers.images_folder(run.record, project=project)
        there = folder is not None and folder.is_dir()
        matrices = {shown: confusion.matrix(found, shown) for shown in confusion.SHOWN}
        return LostInRun(found, folder, there, _scale(run.record), matrices)


def _scale(record: RunRecord) -> Scale:
    """What is black and white in images of more than 8 bits, as the run was told."""
    data = record.config.get("data")
    told = data if isinstance(data, dict) else {}
    black, white = told.get("black"), told.get("white")
    return Scale(
        float(black) if isinstance(black, int | float) else 0.0,
        float(white) if isinstance(white, int | float) else None,
    )
