"""Brings together the view-models, the threads and the files; the window and its pages only talk to this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from pqv_core.config import RunConfig
from pqv_core.config.export import engine_problem, formats_for
from pqv_core.data import class_order, dataset
from pqv_core.data import layout as dataset_layout
from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.latency import store
from pqv_core.latency.dense import DenseLatencies
from pqv_core.latency.table import LatencyTable
from pqv_core.models import catalog
from pqv_core.process import machine
from pqv_core.process.events import Finished
from pqv_core.process.job import ProbeJob
from pqv_core.process.machine import Machine
from pqv_core.project import demo, own_presets
from pqv_core.project import project_file as projects
from pqv_core.project.lock import ProjectLock, ProjectOpenError
from pqv_core.results.record import RunRecord
from pqv_gui.desks.run_desk import RunDesk
from pqv_gui.pages.backend import INFO as BACKEND
from pqv_gui.pages.model import INFO as MODEL
from pqv_gui.pages.run import INFO as RUN
from pqv_gui.pages.start import INFO as START
from pqv_gui.services import adb_choice, garbage
from pqv_gui.services.file_writer import FileWriter
from pqv_gui.services.jobs import Handle, JobRunner, Progressing, Tasks
from pqv_gui.services.settings import Settings
from pqv_gui.viewmodels import apply_preset, checks, defaults
from pqv_gui.viewmodels.image_folders import ImageFolders
from pqv_gui.viewmodels.kept_models import KeptModels
from pqv_gui.viewmodels.latency_tables import LatencyTables
from pqv_gui.viewmodels.model_catalog import ModelCatalog
from pqv_gui.viewmodels.project_session import Problem, ProjectSession, Write, free_name, new_path
from pqv_gui.viewmodels.recent_projects import RecentProjects

if TYPE_CHECKING:
    from pqv_core.comparison.dense_latencies import DenseLatencyReader
    from pqv_gui.desks.app_kit_desk import AppKitDesk
    from pqv_gui.desks.compare_desk import CompareDesk
    from pqv_gui.desks.phone_desk import PhoneDesk
    from pqv_gui.desks.study_desk import StudyDesk

AUTOSAVE_MS = 600
USED = "run.settings"
"""What the step is called by which the settings of a run come into the project."""


class Workspace(QObject):
    """The open project and what goes on with it.

    Args:
        command: Program to start instead of the worker of this installation.
    """

    changed = Signal()  # settings, images or catalogue
    run_changed = Signal()
    opened = Signal()  # another project, or none
    failed = Signal(object, str)  # ErrorInfo, key of the page where it belongs
    said = Signal(str)  # what was done otherwise than asked
    stored = Signal()  # what is kept of some run has changed
    study_changed = Signal()
    study_ended = Signal()  # this window runs no study any more
    _written = Signal()

    def __init__(self, settings: Settings, *, command: Sequence[str] | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.session = ProjectSession()
        stores = {kind: settings.store(f"models/{kind}") for kind in ("starred", "recent")}
        self.models = ModelCatalog(KeptModels(**stores))
        self.images = ImageFolders()
        self.tables = LatencyTables()
        self.recents = RecentProjects(settings.recents)
        self.tasks = Tasks(self)
        self.runs = RunDesk(
            self.session,
            self.tasks,
            self,
            command=command,
            held=lambda: self.held,
        )
        self.run, self.jobs = self.runs.view, self.runs.jobs
        self._command = command
        self._written.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self.writer = FileWriter(told=self._written.emit)
        self._lock = ProjectLock(ending=self.writer.afterwards)
        self.machine: Machine | None = None
        self._probe = JobRunner(self, command=command)
        self._probe.ended.connect(self._on_probed)
        self._phones: PhoneDesk | None = None
        self._compare: CompareDesk | None = None
        self._app_kit: AppKitDesk | None = None
        self._study: StudyDesk | None = None
        self._dense: DenseLatencyReader | None = None  # reads what is known of how long models take
        self._latencies: Handle | None = None  # its last reading
        self.visited: set[str] = set()
        self.problems: tuple[Problem, ...] = ()
        self._scans: dict[str, Handle] = {}
        self._to_measure: RunConfig | None = None  # what is exported for the phones
        self._offered: object = None
        self._kept: object = None  # the runs whose files the phones are offered
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self._save_beside)
        self.session.subscribe(self._session_changed)
        self.models.subscribe(self._check)
        self.images.subscribe(self._check)
        self.runs.changed.connect(self._runs_changed)
        self.runs.stored.connect(self.stored)
        self.stored.connect(self._read_tables)
        self.runs.failed.connect(self._failing(RUN.key))

    def close(self) -> None:
        """Save, and leave no thread and no process behind, except for what a disk does not answer.

        Raises:
            PqvError: The project cannot be saved.
        """
        self._autosave.stop()
        self.runs.close()
        self._probe.close()
        if self._phones is not None:
            self._phones.close()
        if self._compare is not None:
            self._compare.closing.emit()
        if self._app_kit is not None:
            self._app_kit.close()
        if self._study is not None:
            self._study.close()
        try:
            self.flush()
        finally:
            self._autosave.stop()
            self.writer.close()
            self.tasks.close()
            self._lock.release()
            self.settings.flush()

    @property
    def phones(self) -> PhoneDesk:
        """What has to do with phones; made when it is first wanted, so that the window need not wait for it."""
        if self._phones is None:
            from pqv_gui.desks.phone_desk import PhoneDesk
            from pqv_gui.desks.phone_watch import Around

            adb_choice.use(self.settings.adb_server)

            def around() -> Around:
                config = self.session.config
                stored = config.data.val
                val = self.session.resolved(stored) if stored and not dataset.is_named(stored) else None
                return Around(val, self.session.writable)

            self._phones = PhoneDesk(
                self.settings,
                self,
                command=self._command,
                computer_busy=lambda: self.works or self.jobs.active,
                around=around,
            )
            self._phones.ended.connect(self.runs.advance)
            self._phones.kept.connect(self.runs.attach)
            self._phones.kept.connect(lambda _: self.stored.emit())
            self._show_files()
            self._offer_runs()
        return self._phones

    @property
    def compare(self) -> CompareDesk:
        """The runs side by side; read when they are first wanted, so that the window need not wait for them."""
        if self._compare is None:
            from pqv_gui.desks.compare_desk import CompareDesk

            self._compare = CompareDesk(self.session, self.tasks, self.writer, self)
            self.opened.connect(self._compare.entered)
            self.stored.connect(self._compare.read)
            self._compare.trashed.connect(self.runs.forget)
            self._compare.changed.connect(self._offer_runs)
        return self._compare

    @property
    def app_kit(self) -> AppKitDesk:
        """What writes app kits; made when it is first wanted."""
        if self._app_kit is None:
            from pqv_gui.desks.app_kit_desk import AppKitDesk

            self._app_kit = AppKitDesk(self.tasks, self, command=self._command)
        return self._app_kit

    @property
    def study(self) -> StudyDesk:
        """The studies of the project; made when it is first wanted."""
        if self._study is None:
            from pqv_gui.desks.study_desk import StudyDesk

            self._study = StudyDesk(
                self.session,
                self,
                command=self._command,
                busy=lambda: self._why_no_study,
                meter=lambda key: self.phones.meter(key),
            )
            self.opened.connect(self._study.entered)
            self._study.changed.connect(self.study_changed)
            self._study.stored.connect(self.stored)
            self._study.ended.connect(self.runs.advance)
            self._study.ended.connect(self.study_ended)
        return self._study

    @property
    def studies(self) -> bool:
        """Whether this window runs a study."""
        return self._study is not None and self._study.active

    @property
    def works(self) -> bool:
        """Whether this window runs anything of the project: a run, or a study."""
        return self.run.active or self.studies

    @property
    def held(self) -> str:
        """Why runs wait, where it is not for other runs: a study and a run exclude each other."""
        if self.studies:
            return "A study is running: runs start when it ends or is stopped."
        if self._phones is not None and self._phones.measures_here:
            return "This computer is being measured: runs start when that ends."
        return ""

    @property
    def _why_no_study(self) -> str:
        """Why a study would disturb what goes on; empty where it would not."""
        if self.run.active or self.jobs.active:
            return "A run is in progress: start the study when it has finished."
        if self.runs.queue.ready:
            return "Runs are waiting in the queue: start the study after them."
        if self._phones is not None and self._phones.measures_here:
            return "This computer is being measured: start the study afterwards."
        return ""

    @property
    def measures(self) -> bool:
        """Whether something is measured on phones, or on this computer beside a run."""
        return self._phones is not None and self._phones.run.active

    @property
    def why_not_run(self) -> str:
        """Why no run of the project as it is now can be asked for; empty where one can."""
        if not self.session.is_open:
            return "No project is open."
        if not self.session.writable:
            return "The project is open read-only: it cannot be run here."
        if self.problems:
            return self.problems[0].message
        if self.runs.repeats:
            return "These settings are already running or queued."
        return ""

    @property
    def can_run(self) -> bool:
        """Whether a run of the project as it is now can be asked for."""
        return not self.why_not_run

    def _runs_changed(self) -> None:
        self._show_files()
        self.run_changed.emit()
        self._measure_what_was_exported()

    def _show_files(self) -> None:
        """The phones are offered the files of the run that is shown."""
        run = self.runs.shown
        shown = run.now.record, run.now.directory, run.state
        if self._phones is not None and shown != self._offered:
            self._offered = shown
            self._phones.files.show_run(shown[0], shown[1], state=shown[2])

    def _offer_runs(self) -> None:
        """The phones are offered the files of all runs that are kept, whenever these have been read anew."""
        if self._phones is None or self._compare is None:
            return
        runs = self._compare.view.comparison.runs
        if runs is not self._kept:
            self._kept = runs
            self._phones.files.offer(runs)

    # catalogue, images, checks -------------------------------------------------------------------------------

    def load_catalog(self) -> None:
        """Read the catalogue, once."""
        if not self.models.loaded:
            self.tasks.start(lambda _: catalog.load(), done=self.models.take, failed=self.models.failed)

    def read_latencies(self) -> None:
        """Find out what tables and the latest projects' runs know of how long models take."""
        latest = tuple(self.recents.paths)

        def work(task: Progressing) -> DenseLatencies:
            from pqv_core.comparison.dense_latencies import DenseLatencyReader

            self._dense = self._dense or DenseLatencyReader()
            with garbage.uncollected():
                return self._dense.read(latest, cancelled=task.cancelled)

        if self._latencies is not None:  # what is asked for later knows more, and one at a time is enough for a disk
            self._latencies.cancel()
        self._latencies = self.tasks.start(work, done=self.models.take_latencies, failed=self._failing(MODEL.key))

    def _read_tables(self) -> None:
        """Read the latency tables anew: a run or a phone may have measured one."""

        def done(found: tuple[LatencyTable, ...]) -> None:
            self.tables.take(found)
            self._check()

        self.tasks.start(lambda _: tuple(store.kept()), done=done, failed=lambda error: self.failed.emit(error, ""))

    def _session_changed(self) -> None:
        if self.session.unsaved:
            self._autosave.start()
        if self.session.is_open:
            for split in ("train", "val"):
                stored = getattr(self.session.config.data, split)
                named = bool(stored) and dataset.is_named(stored)  # looked at by the run, which fetches it
                self._look_at(split, self.session.resolved(stored) if stored and not named else None)
            order = self.session.config.data.class_order
            self._read_order(self.session.resolved(order) if class_order.is_file(order) else None)
        self._check()

    def _check(self) -> None:
        around = checks.Surroundings(self.models, self.images, machine=self.machine, tables=self.tables)
        self.problems = checks.problems(self.session, around) if self.session.is_open else ()
        self.changed.emit()

    def _look_at(self, split: str, folder: Path | None) -> None:
        if not self.images.choose(split, folder):
            if folder is None and split in self._scans:
                self._scans.pop(split).cancel()
            return
        if split in self._scans:
            self._scans[split].cancel()
        assert folder is not None

        def work(task: Progressing) -> dataset.Scan:
            return dataset.scan(folder, progress=task.progress, cancelled=task.cancelled)

        self._scans[split] = self.tasks.start(
            work,
            done=lambda scan: self.images.scanned(split, scan),
            failed=lambda error: self.images.failed(split, folder, error),
            progress=lambda done, total: self.images.progressed(split, folder, done, total),
        )

    def _read_order(self, path: Path | None) -> None:
        if self.images.choose_order(path):
            assert path is not None
            self.tasks.start(
                lambda _: class_order.read(path),
                done=lambda file: self.images.order_read(path, file),
                failed=lambda error: self.images.order_failed(path, error),
            )

    def look_again(self) -> None:
        """Look at the image folders anew."""
        for split in ("train", "val"):
            self.images.choose(split, None)
        self.images.choose_order(None)
        self._session_changed()

    def choose_images(self, folder: Path) -> None:
        """Take a folder with training and validation images, and settings that make use of them."""

        def done(pair: dataset_layout.Pair) -> None:
            stored = {
                "data.train": self.session.stored(pair.train) if pair.train else None,
                "data.val": self.session.stored(pair.val) if pair.val else None,
            }
            entry = self.models.get(self.session.config.model.name)
            more = defaults.with_images(self.session.config, published=entry is not None and entry.pretrained)
            more = more if pair.train else {}
            self.session.set_many({**stored, **more}, label="data.train")
            if said := " ".join(filter(None, (pair.remark, defaults.brought(more)))):
                self.said.emit(said)

        self.tasks.start(lambda _: dataset_layout.find(folder), done=done, failed=self._failing(MODEL.key))

    def _failing(self, place: str) -> Callable[[ErrorInfo], None]:
        return lambda error: self.failed.emit(error, place)

    def look_at_machine(self) -> None:
        """Find out, once, what this computer can do; it is remembered for the next time."""
        if self.machine is None and not self._probe.active:
            self.machine = machine.remembered()
            if self.machine is None:
                self._probe.start(ProbeJob(run="probe"))
            else:
                self._check()

    def _on_probed(self, last: Finished) -> None:
        if last.result is None:  # then the run says what does not work
            return
        found = machine.Machine.model_validate(last.result)
        self.machine = found
        self.tasks.start(lambda _: machine.remember(found), done=lambda _: None, failed=self._failing(BACKEND.key))
        self._check()

    def fill_in(self, preset: str) -> None:
        """Fill a preset into the settings."""
        entry = self.models.get(self.session.get("model.name"))
        for sentence in apply_preset.fill_in(self.session, preset, uncut=entry.uncut if entry is not None else {}):
            self.said.emit(sentence)

    def keep_preset(self, name: str) -> None:
        """Keep the settings as a preset of one's own.

        Raises:
            PqvError: It cannot be called so, or not be kept.
        """
        own_presets.save(name, self.session.config)
        self.said.emit(f"Saved as the preset “{name.strip()}”. It is in the menu of presets in every project.")

    # files ---------------------------------------------------------------------------------------------------

    def create(self, folder: Path, name: str, config: RunConfig | None = None) -> None:
        """Begin a new project.

        Raises:
            PqvError: The name is taken or cannot be, or the folder may not be written.
        """
        self.flush()
        with self._lock.moving(new_path(folder, name)):
            self.session.create(folder, name, config=config or defaults.new_config())
        self._entered()

    def open(self, path: Path) -> None:
        """Open a project.

        Raises:
            PqvError: The file cannot be used.
        """
        self.flush()
        with self._lock.moving(path):
            self.session.open(path)
        self._entered()

    def open_to_read(self, path: Path) -> None:
        """Show a project that another window changes; where none does any more, open it.

        Raises:
            PqvError: The file cannot be used.
        """
        try:
            self.open(path)
        except ProjectOpenError as error:
            self.session.open(path, writer=error.who)
            self._lock.release()
            self._entered()

    def open_copy(self, path: Path) -> None:
        """Open a copy of a project, made beside it.

        Raises:
            PqvError: The file cannot be used, or the folder may not be written.
        """
        name = free_name(path.parent, f"{path.stem} copy")
        self.create(path.parent, name, projects.load(path).config)

    def open_demo(self) -> None:
        """Make the demo project, if it is not there yet, and open it."""
        folder = self.settings.projects_folder / "demo"
        self.tasks.start(lambda _: demo.create(folder), done=self._open_made, failed=self._failing(START.key))

    def _open_made(self, path: Path) -> None:
        try:
            self.open(path)
        except PqvError as error:
            self.failed.emit(error.info(), START.key)

    def save_as(self, path: Path) -> None:
        """Go on with a copy of the project.

        Raises:
            PqvError: The folder may not be written.
        """
        with self._lock.moving(projects.named(path)):
            self.session.save_as(path, self._writing(projects.save))
        self._entered()

    def save_copy(self, path: Path) -> None:
        """Write a copy of the project and stay with it, because a run of it is going.

        Raises:
            PqvError: The folder may not be written, or another window has the file open.
        """
        path, own = projects.named(path), self.session.path
        if own is None or path.resolve() == own.resolve():
            self.flush()
            return
        lock = ProjectLock()
        with lock.moving(path):
            self.session.save_copy(path, self._writing(projects.save))
        lock.release()
        sentence = "A copy was saved as {copy}. This window stays on {own}, whose run is in progress."
        self.said.emit(sentence.replace("{copy}", path.name).replace("{own}", own.name))

    def close_project(self) -> None:
        """Save the project and put it away."""
        self.flush()
        self.session.close()
        self._lock.release()
        self._entered()

    def flush(self) -> None:
        """Save now what has not been saved yet, after what is being written.

        Raises:
            PqvError: It cannot be saved, or the disk does not answer.
        """
        self._autosave.stop()
        path = self.session.path
        if path is not None and (self.session.unsaved or self.writer.is_writing(path)):
            self.session.save(self._writing(projects.save_open))
            self._autosave.stop()  # an earlier writing that ended meanwhile has started it again

    def _writing(self, write: Write) -> Write:
        """The same in its turn, and waited for."""
        return lambda path, project: self.writer.now(path.resolve(), lambda: write(path, project))

    @Slot()
    def _deliver(self) -> None:
        self.writer.deliver()

    def _entered(self) -> None:
        self.visited.clear()
        self._to_measure = None
        if self.session.path is not None:
            self.recents.add(self.session.path)
        if self._phones is not None:
            self._phones.entered()
            self._offered = self._kept = None
        self.runs.entered()
        self._read_tables()
        self.opened.emit()

    def _save_beside(self) -> None:
        """Save without the window waiting for the disk."""
        if self.session.path is None or not self.session.unsaved:
            return
        path, project = self.session.path, self.session.snapshot()

        def done() -> None:
            if path == self.session.path:
                self.session.mark_saved(project)

        def failed(error: PqvError) -> None:  # the settings are kept, and saved with the next change
            self.failed.emit(error.info(), START.key)

        self.writer.put(path, lambda: projects.save_open(path, project), done=done, failed=failed)

    # runs ----------------------------------------------------------------------------------------------------

    def start_run(self, *, fresh: bool = False) -> None:
        """Ask for a run of the project as it is now.

        Raises:
            PqvError: The project cannot be saved.
        """
        if self.can_run:
            self.flush()
            self.runs.start(fresh=fresh)

    def measure_again(self) -> None:
        """Repeat the measuring of the run that is shown.

        Raises:
            PqvError: The project cannot be saved, or the run is of another version.
        """
        if self.session.is_open and self.session.writable:
            self.flush()
            self.runs.measure_again()

    def use_settings(self, record: RunRecord) -> None:
        """Take the settings of a run over into the project, in one step that can be undone.

        Raises:
            ConfigError: They are of another version, and cannot be used.
        """
        self.session.set_many(RunConfig.parse(record.config).model_dump(mode="json"), label=USED)

    def export_for_android(self) -> None:
        """Make files that phones run of the present settings, and measure them on the ticked phones once they are made.

        Raises:
            PqvError: The project cannot be saved.
        """
        config = self.session.config
        formats = formats_for("android", before=config.export, precision=config.quantize.precision)
        changes: dict[str, object] = {"export.target": "android", "export.formats": list(formats)}
        if any(engine_problem(config.quantize.engine, "android", format=format) for format in formats):
            changes["quantize.engine"] = "auto"
        self.session.set_many(changes, label="export.target")
        if self.can_run:
            self._to_measure = self.session.config
            self.start_run()

    def _measure_what_was_exported(self) -> None:
        record, directory = self.run.now.record, self.run.now.directory
        if self._to_measure is None or self.run.active or record is None or directory is None:
            return
        if record.config == self._to_measure.model_dump(mode="json"):
            self._to_measure = None
            if self.run.state == "succeeded":  # the person may look at another run by now, or have chosen its files
                self.phones.files.show_run(record, directory)
                self.phones.files.choose_run(directory)
                self.phones.start()
