"""What the Run page does: one run at a time in a worker, and those that wait for it. The one owner of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from pqv_core.config import RunConfig
from pqv_core.errors import ErrorInfo, ProjectError
from pqv_core.process.events import Event, Finished
from pqv_core.process.job import RunJob
from pqv_core.project import plan, runs
from pqv_core.project import project_file as projects
from pqv_core.project.plan import Planned
from pqv_core.project.project_file import QueuedRun
from pqv_core.results import record as results
from pqv_gui.pages.run.run_queue import Ended, RunQueue
from pqv_gui.services.jobs import JobRunner, Progressing, Tasks
from pqv_gui.viewmodels import run_view
from pqv_gui.viewmodels.project_session import ProjectSession
from pqv_gui.viewmodels.run_view import RunView

_TICK_MS = 500  # how often time left and bar move on where the worker says nothing
LOOK_MS = 2_000
"""How often a run of another process is looked at."""


class RunDesk(QObject):
    """Begins runs of the open project, one after another, and shows those that are kept.

    Attributes:
        view: The run that goes on, or was last.
        past: Another run, which the person looks at instead; empty where it is the former.

    Args:
        command: Program to start instead of the worker of this installation.
        held: What else needs this computer for itself, in words for runs that wait for it; empty for nothing.
    """

    changed = Signal()
    stored = Signal()  # what is kept of some run has changed
    failed = Signal(object)  # ErrorInfo

    def __init__(
        self,
        session: ProjectSession,
        tasks: Tasks,
        parent: QObject,
        *,
        command: Sequence[str] | None,
        held: Callable[[], str],
    ) -> None:
        super().__init__(parent)
        self._session, self._tasks, self._held = session, tasks, held
        self.view, self.past = RunView(), RunView()
        self.queue = RunQueue(session)
        self.jobs = JobRunner(self, command=command)
        self._item = QueuedRun(config=session.config)  # the run that was begun last
        self._asked: dict[str, Any] = {}  # its settings
        self._wanted = ""  # the past run that is being read
        self._ticking = QTimer(self)
        self._ticking.setInterval(_TICK_MS)
        self._ticking.timeout.connect(self.view.tick)
        self.jobs.active_changed.connect(lambda active: self._ticking.start() if active else self._ticking.stop())
        self._told_begun = False  # others know that the run that goes on is kept
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._look_again)
        for view in (self.view, self.past):
            view.subscribe(self.changed.emit)
        self.queue.subscribe(self.changed.emit)
        self.jobs.batch.connect(self._on_batch)
        self.jobs.ended.connect(self._on_ended)

    @property
    def busy(self) -> bool:
        """Whether a run that is asked for now has to wait."""
        return self.view.active or self.jobs.active or bool(self.held)

    @property
    def held(self) -> str:
        """What runs wait for besides other runs, in words; empty for nothing."""
        return self._held()

    @property
    def repeats(self) -> bool:
        """Whether the present settings are being run, or wait for it, already."""
        asked = [item.config for item in self.queue.waiting] if self.busy or self.queue.ready else []
        if self.view.active:
            asked.append(self._item.config)
        return self._session.config in asked

    @property
    def shown(self) -> RunView:
        """The run that the person looks at."""
        return self.past if self.past.now.run else self.view

    @property
    def settings(self) -> dict[str, Any] | None:
        """The settings of the run that is shown; None where none is."""
        return self._settings_of(self.shown)

    def _settings_of(self, view: RunView) -> dict[str, Any] | None:
        if view.now.record is not None:
            return view.now.record.config
        return self._asked if view.now.run else None

    def _is_same(self, view: RunView) -> bool:
        return self._settings_of(view) == self._session.config.model_dump(mode="json")

    @property
    def same(self) -> bool:
        """Whether the run that is shown has the settings that the project has now."""
        return self._is_same(self.shown)

    @property
    def resumes(self) -> bool:
        """Whether a run that is asked for now goes on with the one that is shown, or else with the last one."""
        view = self.shown if self.same else self.view
        return view.can_resume and self._is_same(view)

    def close(self) -> None:
        """End the run that goes on, and look at none any more."""
        self._look.stop()
        self._ticking.stop()
        self.jobs.close()

    def entered(self) -> None:
        """Another project is open, or none."""
        self.view.reset()
        self.show_current()
        self.queue.entered()
        self.show_newest()

    def show_newest(self) -> None:
        """Show the newest run that is kept beside the project."""
        path = self._session.path
        if path is None:
            return

        def work(_: Progressing) -> run_view.StoredRunView | None:
            return run_view.read_newest(projects.runs_directory(path))

        def done(stored: run_view.StoredRunView | None) -> None:
            if stored is not None and path == self._session.path and not self.view.active:
                self._show(stored)

        def failed(error: ErrorInfo) -> None:
            if path == self._session.path:
                self.failed.emit(error)

        self._tasks.start(work, done=done, failed=failed)

    def show_run(self, run: str) -> None:
        """Show one of the runs that are kept, by its folder's name; one that goes on meanwhile goes on."""
        if run == _known_by(self.view):
            self.show_current()
        elif run != self.shown_run:
            self._read_past(run)

    def _read_past(self, run: str) -> None:
        path = self._session.path
        if path is None:
            return
        self._wanted = run

        def work(_: Progressing) -> run_view.StoredRunView:
            stored = run_view.read(projects.runs_directory(path) / run)
            if stored is None:
                raise ProjectError("This run no longer exists.", action="Choose another one.")
            return stored

        def done(stored: run_view.StoredRunView) -> None:
            if path == self._session.path and self._wanted == run:
                self._wanted = ""
                self._show(stored, self.past)

        def failed(error: ErrorInfo) -> None:
            if path == self._session.path and self._wanted == run:
                self.show_current()
                self.failed.emit(error)

        self._tasks.start(work, done=done, failed=failed)

    @property
    def shown_run(self) -> str:
        """Name of the folder of the run that is shown, or will be in a moment; empty where none is."""
        return self._wanted or _known_by(self.shown)

    def show_current(self) -> None:
        """Show the run that goes on, or was last."""
        self._wanted = ""
        self.past.reset()

    def forget(self, directory: Path) -> None:
        """A run is kept no longer: the newest of those that are left takes its place."""
        if directory == self.past.now.directory:
            self.show_current()
        if directory == self.view.now.directory and not self.view.active:
            self.view.reset()
            self.show_newest()

    def attach(self, record: results.RunRecord) -> None:
        """Take over what has been added to a run that is shown."""
        for view in (self.view, self.past):
            view.attach(record)

    def _show(self, stored: run_view.StoredRunView, view: RunView | None = None) -> None:
        """Show a run as it is kept, and look again while another process works on it."""
        view = view or self.view
        before = view.state
        view.show(stored.record, stored.metrics, stored.directory)
        if view.state == "elsewhere":
            self._look.start()
        elif before == "elsewhere":
            self.stored.emit()

    def _look_again(self) -> None:
        if self.view.state == "elsewhere":
            self.show_newest()
        if self.past.state == "elsewhere" and not self._wanted:  # another one is being read otherwise
            self._read_past(_known_by(self.past))

    # beginning and ending ------------------------------------------------------------------------------------

    def start(self, *, fresh: bool = False) -> None:
        """Run the project as it is now; while something else is going, put it at the end of the queue.

        A run with these settings that the person looks at is gone on with. Where a queue that was stopped holds the
        same run, that one is done, and waits there no longer.
        """
        record = self.past.now.record
        again = record.id if record is not None and self.same and not fresh else ""
        self._ask(QueuedRun(config=self._session.config, fresh=fresh, run=again))

    def measure_again(self) -> None:
        """Repeat the measuring of the run that is shown, and nothing else; its settings are those that it had.

        Raises:
            ConfigError: They are of another version, and cannot be used.
        """
        record = self.shown.now.record
        if record is not None:
            self._ask(QueuedRun(config=RunConfig.parse(record.config), run=record.id, remeasure=True))

    def _ask(self, item: QueuedRun) -> None:
        if self.busy:
            self.queue.add(item)
        else:
            if not item.remeasure:
                self.queue.leave_out(item.config)
            self._begin(item)

    def go_on(self) -> None:
        """Go on with the queue."""
        self.queue.go_on()
        self.advance()

    def again(self, index: int) -> None:
        """Put a run of the queue that failed at its end once more."""
        self.queue.again(index)
        self.advance()

    def advance(self) -> None:
        """Begin the next run that waits, where it may begin."""
        if self.queue.ready and not self.busy:
            self._begin(self.queue.take())

    def cancel(self) -> None:
        """Ask for the end of the run; those that wait are not begun by themselves after it."""
        self.view.cancelling()
        self.jobs.cancel()

    def _begin(self, item: QueuedRun) -> None:
        path = self._session.path
        assert path is not None
        self._item, self._told_begun = item, False
        self._asked = item.config.model_dump(mode="json")
        self.show_current()
        self.view.begin("", [Planned(name, 1.0) for name in plan.stages(item.config)])

        def work(_: Progressing) -> tuple[RunJob, tuple[Planned, ...]]:
            job = runs.job(path, config=item.config, fresh=item.fresh, run=item.run, remeasure=item.remeasure)
            return job, plan.of(job)

        def done(found: tuple[RunJob, tuple[Planned, ...]]) -> None:
            job, planned = found
            if self.view.state == "cancelling":
                self.queue.hold("cancelled")
                self.view.stopped_early()
            else:
                self.view.begin(job.run, planned)
                self.jobs.start(job)

        def failed(error: ErrorInfo) -> None:
            self.queue.hold("failed")
            self.view.reset()
            self.failed.emit(error)

        self._tasks.start(work, done=done, failed=failed)

    def _on_batch(self, batch: list[Event]) -> None:
        self.view.apply(batch)
        if self.view.running_stage and not self._told_begun:  # its record is written before its first stage
            self._told_begun = True
            self.stored.emit()

    def _on_ended(self, last: Finished) -> None:
        if last.outcome == "cancelled":
            self.queue.hold("cancelled")
        else:
            why = last.error.message if last.error else ""
            kept = self.view.now.directory.name if self.view.now.directory is not None else ""
            self.queue.over(Ended(self._item, last.outcome, why, run=kept))
        directory = self.view.now.directory
        if directory is None or last.run != self.view.now.run:
            self._never_begun(last)
            return
        self._tasks.start(
            lambda _: results.load(directory), done=self._attach, failed=lambda error: self._unread(error, last)
        )

    def _never_begun(self, last: Finished) -> None:
        """The worker ended before it began; what was stopped so is as it was before, where it is kept at all."""
        path = self._session.path
        folder = projects.runs_directory(path) if path is not None else None

        def done(stored: run_view.StoredRunView | None) -> None:
            if stored is not None and not self.view.active:
                self._show(stored)
            self._go_further()

        if folder is None or last.outcome != "cancelled" or last.run != self.view.now.run:
            self._go_further()
            return
        self._tasks.start(lambda _: run_view.read(folder / last.run), done=done, failed=lambda _: self._go_further())

    def _attach(self, record: results.RunRecord) -> None:
        self.view.attach(record)
        self.stored.emit()
        self._go_further()

    def _unread(self, error: ErrorInfo, last: Finished) -> None:
        self.stored.emit()
        if last.outcome == "succeeded":  # otherwise the run has said already what is wrong
            self.failed.emit(error)
        self._go_further()

    def _go_further(self) -> None:
        self.changed.emit()
        self.advance()


def _known_by(view: RunView) -> str:
    """Name of the folder of a run; its id where it has none yet."""
    return view.now.directory.name if view.now.directory is not None else view.now.run
