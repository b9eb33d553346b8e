"""Brings together the phones, the files, the settings and the threads; the Device page only talks to this."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from deploy.errors import NoDeviceError
from deploy.job import Job
from deploy.measure.steps import PhoneConfig
from pqv_core.config.measure import MeasureConfig
from pqv_core.errors import Cancelled, ErrorInfo
from pqv_core.process.events import AnyEvent, Event, Finished
from pqv_core.process.job import BenchJob
from pqv_core.results import select
from pqv_core.results.record import LOCAL, Measurement
from pqv_gui.desks import phone_work
from pqv_gui.desks.phone_watch import Around, PhoneWatch
from pqv_gui.desks.phone_work import MeasuringOutcome, MeasuringPlan, Prepared
from pqv_gui.desks.study_meter import StudyMeter
from pqv_gui.pages.device.phone_files import File, Files, Group
from pqv_gui.pages.device.phone_list import PhoneRow
from pqv_gui.pages.device.phone_run import PhoneRun, TargetState
from pqv_gui.pages.device.phone_settings import PhoneSettings
from pqv_gui.services.jobs import BATCH_EVENTS, BATCH_MS, JobRunner, Progressing, Tasks
from pqv_gui.services.mailbox import Mailbox
from pqv_gui.services.settings import Settings
from pqv_gui.viewmodels.results.measurement_rows import Measured

_READ_ONLY = "The project is open read-only: measurements could not be saved."


class PhoneDesk(QObject):
    """What is connected, what is wanted of it, and what goes on there.

    Args:
        command: Program to start instead of the worker of this installation.
        computer_busy: Whether a run is going on this computer, so that nothing can be measured on it.
        around: What the project says.
    """

    changed = Signal()  # phones, files or settings
    run_changed = Signal()
    failed = Signal(object)  # ErrorInfo
    ended = Signal()  # nothing is measured any more
    kept = Signal(object)  # RunRecord that has got new measurements

    def __init__(
        self,
        settings: Settings,
        parent: QObject,
        *,
        command: Sequence[str] | None,
        computer_busy: Callable[[], bool] = lambda: False,
        around: Callable[[], Around] = Around,
    ) -> None:
        super().__init__(parent)
        self._tasks = Tasks(self)
        self.watch = PhoneWatch(settings, self._tasks, self, around=around, busy=self._measures_on)
        self.phones = self.watch.phones
        self.files = Files()
        self.settings = PhoneSettings(settings.store("phones/settings"))
        self.run = PhoneRun()
        self.archives: tuple[Path, ...] = ()
        self._computer_busy, self._around, self._command = computer_busy, around, command
        self._local = JobRunner(self, command=command)
        self._jobs: dict[str, Job] = {}
        self._skips: dict[str, threading.Event] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._plan: MeasuringPlan | None = None
        self._mailbox: Mailbox[Event] = Mailbox()
        self._timer = QTimer(self)
        self._timer.setInterval(BATCH_MS)
        self._timer.timeout.connect(self._hand_over)
        self.watch.failed.connect(self.failed)
        for part in (self.phones, self.files, self.settings):
            part.subscribe(self.changed.emit)
        self._looking: set[File] = set()  # files of which it is being found out whether phones run them
        self.files.subscribe(self._look_at_files)
        self.run.subscribe(self.run_changed.emit)
        self._local.batch.connect(self.run.apply)
        self._local.ended.connect(self._on_local_ended)

    def close(self) -> None:
        """End everything that goes on, and wait until nothing of it is left."""
        self._timer.stop()
        self.watch.stop()
        for job in self._jobs.values():
            job.cancelled.set()
        self._mailbox.close()
        self._local.close()
        self._tasks.close()
        for target in self.run.targets.values():
            if target.active:
                self.run.finished(target.id, "cancelled")
        self._clear_scratch()

    def entered(self) -> None:
        """Another project is open, or none: what was measured for the one before is not its own."""
        self.files.forget()
        if not self.run.active:
            self._plan = None
            self.run.reset()

    def _measures_on(self, key: str) -> bool:
        return any(target.key == key and target.active for target in self.run.targets.values())

    @property
    def status(self) -> str:
        """The phone and what it does, for the line at the bottom."""
        running = [target for target in self.run.targets.values() if target.state == "running"]
        if not running:
            return self.phones.status
        if len(running) > 1:
            return f"Measuring on {len(running)} phones"
        return running[0].short

    @property
    def measures_here(self) -> bool:
        """Whether this computer is being measured, or will be: nothing else should run on it."""
        return self._measures_on(LOCAL)

    # measuring -----------------------------------------------------------------------------------------------

    @property
    def missing(self) -> str:
        """Why measuring cannot begin; empty when it can."""
        if self.run.active:
            return ""
        if not self._around().writable:
            return _READ_ONLY
        if self.settings.problems:
            return self.settings.problems[0].message
        if not self.files.chosen:
            return "Select a file to measure, or add one."
        chosen = self.phones.chosen
        if not chosen:
            return "Select a ready phone, or this computer."
        if any(row.key == LOCAL for row in chosen) and self._computer_busy():
            return "A run is in progress on this computer: measure on it afterwards, or deselect it."
        return self.refusal if any(row.key != LOCAL for row in chosen) else ""

    @property
    def why_not_here(self) -> str:
        """Why nothing can be measured on this computer now; empty where it can."""
        if self.run.active:
            return "A measurement is in progress."
        if not self._around().writable:
            return _READ_ONLY
        return "A run or study is in progress: measure afterwards." if self._computer_busy() else ""

    @property
    def refusal(self) -> str:
        """Why phones would refuse all that is ticked; empty where they run some of it, or may."""
        reason = self.files.refusal(self.files.chosen)
        return f"Phones cannot run the selected files. {reason}" if reason else ""

    def _look_at_files(self) -> None:
        """Find out, once a file, whether phones run it: before somebody waits for a phone to refuse it."""
        files = tuple(file for file in self.files.unknown if file not in self._looking)
        if not files:
            return
        self._looking.update(files)
        kit = self.watch.kit

        def work(task: Progressing) -> dict[File, str]:
            return phone_work.refusals(files, kit=kit, cancelled=task.cancelled)

        def done(found: dict[File, str]) -> None:
            self._looking.difference_update(found)
            self.files.learn(found)

        self._tasks.start(work, done=done, failed=self.failed.emit)

    @property
    def can_start(self) -> bool:
        """Whether measuring can begin."""
        return not self.run.active and not self.missing

    @property
    def again(self) -> tuple[PhoneRow, ...]:
        """Phones on which it ended early and that are ready now, so that it can be repeated."""
        rows = (self.phones.get(key) for key in self.run.failed_keys)
        return tuple(row for row in rows if row is not None and row.ready) if not self.run.active else ()

    def meter(self, key: str) -> StudyMeter:
        """What measures the trials of a study on a phone, as the settings say.

        Raises:
            DeviceError: The phone is not there.
        """
        row = self.phones.get(key)
        if row is None or row.found is None:
            raise NoDeviceError(key)
        return StudyMeter(
            row.found,
            row.name,
            self.settings.config,
            self.watch.alone_with(key),
            val=self._around().val,
            kit=self.watch.kit,
            archives=self.archives,
            command=self._command,
        )

    def start(self) -> None:
        """Measure what is ticked on what is ticked."""
        if self.can_start:
            around = self._around()
            plan = MeasuringPlan(
                self.files.chosen,
                self.settings.config,
                shape=self.settings.shape,
                compare=self.settings.compare,
                val=around.val,
                archives=self.archives,
                kit=self.watch.kit,
            )
            self._begin(plan, self.phones.chosen)

    def measure_here(self, group: Group, measure: MeasureConfig) -> None:
        """Measure the results of several runs in one loop on this computer, which has measured each alone.

        Args:
            measure: How runs are measured; without threads as many as the runs were measured with.
        """
        self.files.choose_group(group)
        known = next((item for source in group.sources if (item := select.of_result(source.record))), None)
        here = self.phones.get(LOCAL)
        files = self.files.of_run  # all of them, whatever was ticked for a phone, and none from the disk
        if here is None or known is None or not files or self.why_not_here:
            return
        config = PhoneConfig(
            threads=(measure.threads or known.threads,),
            warmup=measure.warmup,
            iterations=measure.iterations,
            max_seconds=measure.max_seconds,
        )
        self._begin(MeasuringPlan(files, config), (here,))

    def repeat(self) -> None:
        """The same once more, on the phones on which it ended early."""
        rows = self.again
        if self._plan is not None and rows:
            self._begin(self._plan, rows)

    def _begin(self, plan: MeasuringPlan, rows: Sequence[PhoneRow]) -> None:
        self._plan = plan
        names = Counter(row.name for row in rows)
        named = [(row.key, row.name if names[row.name] == 1 else f"{row.name} ({row.key})") for row in rows]
        self.run.begin(named, plan.files, plan.config.threads)
        self._mailbox = Mailbox()
        targets = self.run.targets.values()
        self._jobs = {target.id: Job(run=target.id, send=self._mailbox.put) for target in targets}
        self._skips = {target.id: threading.Event() for target in targets}
        # A full collection of garbage stops the window for a tenth of a second: what is there now is left out of it.
        gc.freeze()
        self._timer.start()
        if any(target.key != LOCAL for target in targets):
            self._prepare(plan)
        else:
            self._start_local()

    def _prepare(self, plan: MeasuringPlan) -> None:
        """What is done once for all phones."""
        self._clear_scratch()
        self._scratch = tempfile.TemporaryDirectory(prefix="pqv-inputs-")
        job = self._jobs[self.run.preparation] = Job(run=self.run.preparation, send=self._mailbox.put)
        folder, command = Path(self._scratch.name), self._command

        def work(_: Progressing) -> Prepared | None:
            try:
                return phone_work.prepare(plan, job, folder, command=command)
            except Cancelled:
                return None

        self._tasks.start(work, done=self._start_phones, failed=self._not_prepared)

    def _not_prepared(self, error: ErrorInfo) -> None:
        for target in self.run.targets.values():
            self.run.finished(target.id, "failed", error=error)

    def _start_phones(self, prepared: Prepared | None) -> None:
        for target in self.run.targets.values():
            row = self.phones.get(target.key)
            if prepared is None:
                self.run.finished(target.id, "cancelled")
            elif row is None:
                self.run.finished(target.id, "failed", error=NoDeviceError(target.key).info())
            elif row.found is not None:
                self.run.started(target.id)
                self._start_phone(target.id, row, prepared)
        self._start_local()

    def _start_phone(self, run: str, row: PhoneRow, prepared: Prepared) -> None:
        assert row.found is not None
        found, name, job, skip = row.found, self.run.targets[run].name, self._jobs[run], self._skips[run]
        lock = self.watch.alone_with(found.key)

        def work(_: Progressing) -> MeasuringOutcome:
            with lock:
                return phone_work.measure(found, prepared, job, skip=skip, name=name)

        self._tasks.start(
            work,
            done=lambda outcome: self._on_phone_ended(run, outcome),
            failed=lambda error: self._on_phone_ended(run, MeasuringOutcome(error=error)),
        )

    def _start_local(self) -> None:
        """This computer has its turn when the phones have had theirs: what is pushed to them would disturb it."""
        target = next((item for item in self.run.targets.values() if item.key == LOCAL), None)
        plan = self._plan
        phones = any(item.active for item in self.run.targets.values() if item.key != LOCAL)
        if target is None or plan is None or phones or target.state != "waiting":
            return
        if self.run.cancelling:
            self._on_local_ended(Finished(run=target.id, outcome="cancelled"))
            return
        target.threads = (min(plan.config.threads[0], os.cpu_count() or 1),)
        self.run.started(target.id)
        self._local.start(
            BenchJob(
                run=target.id,
                files=tuple(str(file.path) for file in plan.files),
                input_shape=plan.shape or None,
                threads=target.threads[:1],
                warmup=plan.config.warmup,
                iterations=plan.config.iterations,
                max_seconds=plan.config.max_seconds,
            )
        )

    def cancel(self) -> None:
        """Ask for the end of all that is measured."""
        self.run.cancel()
        for job in self._jobs.values():
            job.cancelled.set()
        self._local.cancel()
        self._start_local()

    def skip_cooling(self, run: str) -> None:
        """Measure on this phone as warm as it is."""
        if run in self._skips:
            self._skips[run].set()

    def use_archives(self, *paths: Path) -> None:
        """Take the runtimes' libraries from files, besides those named before, and try once more."""
        self.archives = tuple(dict.fromkeys((*self.archives, *paths)))
        if self._plan is not None:
            self._plan = replace(self._plan, archives=self.archives)
        self.repeat()

    # what comes back -----------------------------------------------------------------------------------------

    @Slot()
    def _hand_over(self) -> None:
        batch = self._mailbox.take(BATCH_EVENTS)
        if batch:
            self.run.apply(batch)
            for target in self.run.targets.values():
                if "celsius" in target.heat:
                    self.phones.warmth(target.key, target.heat["celsius"])
        elif not self.run.active:
            self._timer.stop()
            gc.unfreeze()
            self._clear_scratch()
            self.ended.emit()

    def _on_phone_ended(self, run: str, outcome: MeasuringOutcome) -> None:
        while batch := self._mailbox.take(BATCH_EVENTS):
            self.run.apply(batch)
        failed = outcome.error is not None or (outcome.failures and not outcome.measured)
        self._finish(run, "failed" if failed else "cancelled" if outcome.cancelled else "succeeded", outcome)
        target = self.run.targets.get(run)
        if target is not None:
            self.watch.ask(target.key)
        self._start_local()

    def _finish(self, run: str, state: TargetState, outcome: MeasuringOutcome) -> None:
        self.run.finished(
            run,
            state,
            error=outcome.error,
            failures=outcome.failures,
            measured=outcome.measured,
            profiles=outcome.profiles,
            warnings=outcome.warnings,
        )
        for record in outcome.kept:
            self.kept.emit(record)
        if outcome.not_kept is not None:
            self.failed.emit(outcome.not_kept)

    def _on_local_ended(self, last: AnyEvent) -> None:
        target, plan = self.run.targets.get(last.run), self._plan
        if target is None or plan is None or not isinstance(last, Finished):
            return
        names = {str(file.path): file.name for file in target.files}
        plain: Any = (last.result or {}).get("measurements", {})
        found = {key: tuple(map(Measurement.model_validate, values)) for key, values in plain.items()}
        rows = [Measured(target.name, names.get(key, key), item) for key, items in found.items() for item in items]
        outcome = MeasuringOutcome(measured=rows, error=last.error)
        by_file = {Path(key): items for key, items in found.items()}

        def work(_: Progressing) -> MeasuringOutcome:
            phone_work.keep(outcome, plan, by_file)
            return outcome

        self._tasks.start(
            work,
            done=lambda kept: self._finish(target.id, last.outcome, kept),
            failed=lambda error: self._finish(target.id, "failed", MeasuringOutcome(error=error)),
        )

    def _clear_scratch(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
