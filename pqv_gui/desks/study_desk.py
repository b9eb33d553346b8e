"""What the Study page does: finds the studies of the project, makes, runs and watches them, each in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from pqv_core import labels
from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.process.events import StageStarted
from pqv_core.process.worker_client import Worker
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study import new_study, study_file
from pqv_core.study.events import StudyFinished, TrialFinished, TrialStarted
from pqv_core.study.new_study import Choices
from pqv_core.study.study_file import SUFFIX
from pqv_gui.desks.study_meter import StudyMeter
from pqv_gui.pages.device.phone_files import Group, Source
from pqv_gui.pages.study.study_picture import Picture, PictureMaker
from pqv_gui.pages.study.study_state import StudyState
from pqv_gui.services import garbage
from pqv_gui.services.jobs import Handle, Progressing, Tasks
from pqv_gui.viewmodels.project_session import ProjectSession

if TYPE_CHECKING:
    from pqv_core.study.runner import Said, StudyRunner

LOOK_S = 0.5
"""How often a study is looked at. Nobody follows more, and each new picture is drawn."""
USED = "study.trial"
"""What the step is called by which the settings of a trial come into the project."""


class _Running:
    """A study that is run in a thread, which may be asked to end from any other, also before it has begun."""

    def __init__(self, meter: StudyMeter | None) -> None:
        self.meter = meter
        self._runner: StudyRunner | None = None
        self._asked = threading.Event()

    def run(self, folder: Path, worker: Callable[..., Worker], heard: Callable[[Said], None]) -> StudyFinished:
        """Run it; returns how it ended.

        Raises:
            PqvError: As ``StudyRunner``.
        """
        from pqv_core.study.executors import LocalExecutor  # with Optuna, for which nobody waits but this thread
        from pqv_core.study.runner import StudyRunner

        meter = self.meter
        prepare = meter.prepare if meter is not None else None
        self._runner = StudyRunner(folder, LocalExecutor(worker), heard=heard, meter=meter, prepare=prepare)
        if self._asked.is_set():
            self._runner.cancel()
        return self._runner.run()

    def end(self, *, at_once: bool) -> None:
        """Ask for the end; at once, or with what is begun put away."""
        self._asked.set()
        if self.meter is not None:
            self.meter.cancel()
        if self._runner is not None:
            (self._runner.kill if at_once else self._runner.cancel)()


class StudyDesk(QObject):
    """The studies of the open project.

    Args:
        command: Program to start instead of the worker of this installation.
        busy: Why this computer is not free for a study; empty where it is.
        meter: What measures trials on the phone with a key; raises ``DeviceError`` where that is not there.
    """

    changed = Signal()
    failed = Signal(object)  # ErrorInfo
    stored = Signal()  # what is kept of some run has changed
    ended = Signal()  # this window runs no study any more

    def __init__(
        self,
        session: ProjectSession,
        parent: QObject,
        *,
        command: Sequence[str] | None,
        busy: Callable[[], str],
        meter: Callable[[str], StudyMeter],
    ) -> None:
        super().__init__(parent)
        self._session, self._busy, self._meter = session, busy, meter
        self._worker: Callable[..., Worker] = partial(Worker, command=command)
        self._tasks = Tasks(self)
        self._watch: Handle | None = None
        self._running: _Running | None = None
        self._wanted = False  # somebody looks
        self.phone = ""  # key of the phone that measures trials; empty for this computer
        self.state = StudyState()
        self.state.subscribe(self.changed.emit)

    def close(self) -> None:
        """End what is going, and wait until nothing of it is left."""
        if self._running is not None:
            self._running.end(at_once=True)
        self._tasks.close()

    @property
    def active(self) -> bool:
        """Whether this window runs a study."""
        return self._running is not None

    # finding and watching ------------------------------------------------------------------------------------

    def entered(self) -> None:
        """Another project is open, or none."""
        self._look_no_more()
        self.phone = ""
        self.state.reset()
        if self._wanted:
            self.find()

    def look(self, wanted: bool) -> None:
        """Somebody looks from now on, or nobody does: then only a study that runs here is watched."""
        self._wanted = wanted
        if wanted:
            self.find()
        elif not self.active:
            self._look_no_more()

    def find(self) -> None:
        """Find the studies that there are now; look at one where there is any."""
        path = self._session.path
        if path is None:
            return

        def done(found: tuple[tuple[Path, ...], Path | None]) -> None:
            if path != self._session.path:
                return
            folders, latest = found
            self.state.found(folders)
            if self.state.folder is None and latest is not None:
                self.state.look_at(latest)
            self._look()

        self._tasks.start(lambda _: _studies(path), done=done, failed=self.failed.emit)

    def look_at(self, folder: Path) -> None:
        """Show this study."""
        if not self.active:
            self._look_no_more()
            self.state.look_at(folder)
            self._look()

    def look_again(self) -> None:
        """Read the study anew that could not be read."""
        if self.state.folder is not None:
            self.look_at(self.state.folder)

    def _look(self) -> None:
        """Watch the study that is shown, unless that goes on."""
        folder = self.state.folder
        if folder is None or self._watch is not None or not (self._wanted or self.active):
            return

        def take(picture: Picture) -> None:
            if folder == self.state.folder:
                self.state.take(picture)

        def failed(error: ErrorInfo) -> None:
            self._watch = None
            if folder == self.state.folder:
                self.state.failed(error)

        self._watch = self._tasks.start(partial(_watch, folder), done=lambda _: None, failed=failed, said=take)

    def _look_no_more(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    # making and running --------------------------------------------------------------------------------------

    def draft(self) -> None:
        """Begin the form of a new study."""
        path = self._session.path
        if path is not None:
            taken = {folder.name.removesuffix(SUFFIX) for folder in self.state.folders}
            self.state.draft.begin(self._session.config, project=path.stem, taken=taken)
            self.state.write_draft(True)

    def create(self) -> None:
        """Make the study that the form holds; the project's file has to hold its settings."""
        path, draft = self._session.path, self.state.draft
        if path is None or draft.problems or not self._session.writable:
            return
        choices, folder = draft.choices(path), study_file.named(path.with_name(draft.name.strip()))

        def done(_: None) -> None:
            if path == self._session.path:
                self._look_no_more()
                self.state.found(tuple(sorted({*self.state.folders, folder})))
                self.state.look_at(folder)
                self._look()

        self._tasks.start(lambda _: _create(choices, folder), done=done, failed=self.failed.emit)

    @property
    def why_not_start(self) -> str:
        """Why the study that is shown cannot be run; empty where it can."""
        phase = self.state.phase
        if not self._session.writable:
            return "The project is open read-only: its studies cannot be run here."
        if phase == "elsewhere":
            return "Another process runs this study; it is followed here."
        if phase == "finished":
            return "This study is over. To go on, raise its limit in study.json, or make another one."
        if phase not in ("waiting", "stopped"):
            return "Choose a study first."
        return self._busy()

    def start(self) -> None:
        """Run the study that is shown, or go on with it."""
        folder = self.state.folder
        if folder is None or self.active or self.why_not_start:
            return
        try:
            meter = self._meter(self.phone) if self.phone else None
        except PqvError as error:
            self.failed.emit(error.info())
            return
        running = self._running = _Running(meter)

        def work(task: Progressing) -> StudyFinished:
            if meter is not None:
                meter.doing = task.say

            def heard(event: Said) -> None:
                if isinstance(event, TrialStarted | TrialFinished):
                    task.say(event)
                elif isinstance(event, StageStarted):
                    task.say(event.stage)

            return running.run(folder, self._worker, heard)

        self._tasks.start(work, done=self._on_ended, failed=self._on_failed, said=self._on_said)
        self.state.began()
        self._look()

    def cancel(self) -> None:
        """Ask for the end; what is finished is kept, and the trial at work goes on the next time."""
        if self._running is not None and not self.state.stopping:
            self._running.end(at_once=False)
            self.state.stop()

    def _on_said(self, what: object) -> None:
        if isinstance(what, str):
            self.state.doing(labels.doing(what))
        else:
            self.state.doing("")
            self.stored.emit()

    def _on_ended(self, end: StudyFinished) -> None:
        self._over("" if end.outcome == "cancelled" else end.reason)

    def _on_failed(self, error: ErrorInfo) -> None:
        self._over("")
        self.failed.emit(error)

    def _over(self, reason: str) -> None:
        self._running = None
        self._look_no_more()  # another look, for what it told last may be from before the end
        self.state.ended(reason)
        self._look()
        self.stored.emit()
        self.ended.emit()

    # what it is good for -------------------------------------------------------------------------------------

    def use(self) -> bool:
        """Take the settings of the chosen trial over into the project, in one step that can be undone.

        Raises:
            ConfigError: They do not go together with the project's others.
        """
        line, picture = self.state.chosen, self.state.picture
        if line is None or picture is None or not self._session.writable:
            return False
        study = picture.view.study
        study.chosen(line.trial.params, base=self._session.config)
        self._session.set_many(study.space.values(line.trial.params), label=USED)
        return True

    def gather_front(self, done: Callable[[Group], None]) -> None:
        """Read the runs of the front that are still there, for their files to be measured together."""
        path, lines, name = self._session.path, self.state.front, self.state.name
        if path is None:
            return
        directories = [(line.name, projects.runs_directory(path) / line.trial.run) for line in lines]

        def work(_: Progressing) -> Group:
            there = [(title, path) for title, path in directories if (path / results.RUN_FILE).exists()]
            sources = tuple(Source(results.load(path), path, title) for title, path in there or directories)
            return Group(f"Front of the study {name}", sources)

        def read(group: Group) -> None:
            if path == self._session.path:
                done(group)

        self._tasks.start(work, done=read, failed=self.failed.emit)


def _watch(folder: Path, task: Progressing) -> None:
    """Look at a study until nobody wants that any more, and tell what is new."""
    from pqv_core.study.view import StudyView, StudyWatch  # with Optuna

    with garbage.uncollected():
        watch = StudyWatch(folder)
    maker, told = PictureMaker(), None
    importances: dict[str, dict[str, float]] = {}
    judged = 0

    def tell(view: StudyView) -> None:
        with garbage.uncollected():
            picture = maker.make(view, importances)
        task.say(picture)

    while not task.cancelled():
        view = watch.look()
        if view != told:
            told = view
            tell(view)
        done = sum(trial.state == "done" for trial in view.trials)
        if done != judged and (done - judged >= judged // 10 or not view.at_work):
            judged = done
            importances = watch.importances()
            if importances:
                tell(view)
        task.pause(LOOK_S)


def _create(choices: Choices, folder: Path) -> None:
    study_file.create(folder, new_study.build(choices))


def _studies(project: Path) -> tuple[tuple[Path, ...], Path | None]:
    """The studies of a project, and the one that was at work last."""
    folders = study_file.beside(project)
    return folders, max(folders, key=_age, default=None)


def _age(folder: Path) -> float:
    """When a study was last written to."""
    journal = folder / study_file.JOURNAL_FILE
    newest = journal if journal.exists() else folder / study_file.STUDY_FILE
    return newest.stat().st_mtime if newest.exists() else 0.0
