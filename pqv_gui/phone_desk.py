"""Brings together the phones, the files, the settings and the threads; the Device page only talks to this."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from deploy.device_info import DeviceInfo
from deploy.discovery import Found
from deploy.errors import NoDeviceError
from deploy.job import Job
from deploy.phone import Kit
from pqv_core import android_runtime
from pqv_core.errors import Cancelled, ErrorInfo
from pqv_core.events import AnyEvent, Event, Finished
from pqv_core.job import BenchJob
from pqv_core.results import Measurement
from pqv_gui import phone_work
from pqv_gui.jobs import BATCH_EVENTS, BATCH_MS, Handle, JobRunner, Progressing, Tasks
from pqv_gui.mailbox import Mailbox
from pqv_gui.phone_work import Outcome, Plan, Prepared
from pqv_gui.settings import Settings
from pqv_gui.viewmodels.measured import Measured
from pqv_gui.viewmodels.phone_files import Files
from pqv_gui.viewmodels.phone_run import PhoneRun, TargetState
from pqv_gui.viewmodels.phone_settings import PhoneSettings
from pqv_gui.viewmodels.phones import LOCAL, Phones, Row

ASK_AGAIN_MS = 30_000


@dataclass(frozen=True)
class Around:
    """What the project says: the Android runtime, and its validation images."""

    version: str = android_runtime.DEFAULT
    val: Path | None = None


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
    kit: Kit | None = None

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
        self.phones = Phones(settings.store("phones/addresses"))
        self.files = Files()
        self.settings = PhoneSettings(settings.store("phones/settings"))
        self.run = PhoneRun()
        self.aar: Path | None = None
        self._computer_busy, self._around, self._command = computer_busy, around, command
        self._tasks = Tasks(self)
        self._local = JobRunner(self, command=command)
        self._watch: Handle | None = None
        self._asks: dict[str, Handle] = {}
        self._jobs: dict[str, Job] = {}
        self._skips: dict[str, threading.Event] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._plan: Plan | None = None
        self._mailbox: Mailbox[Event] = Mailbox()
        self._timer = _timer(self, BATCH_MS, self._hand_over)
        self._again = _timer(self, ASK_AGAIN_MS, self._ask_again)
        for part in (self.phones, self.files, self.settings):
            part.subscribe(self.changed.emit)
        self.run.subscribe(self.run_changed.emit)
        self._local.batch.connect(self.run.apply)
        self._local.ended.connect(self._on_local_ended)

    def close(self) -> None:
        """End everything that goes on, and wait until nothing of it is left."""
        self._timer.stop()
        self._again.stop()
        for job in self._jobs.values():
            job.cancelled.set()
        self._mailbox.close()
        self._local.close()
        self._tasks.close()
        self._clear_scratch()

    # which phones there are ----------------------------------------------------------------------------------

    def look(self) -> None:
        """Watch for phones from now on; does nothing while that goes on."""
        if self._watch is not None:
            return

        def work(task: Progressing) -> None:
            for found in phone_work.watch(task.cancelled, task.pause):
                task.say(found)

        self._watch = self._tasks.start(
            work, done=lambda _: None, failed=self._on_watch_failed, said=lambda found: self._on_found(found)
        )
        self._again.start()
        for row in self.phones.phones:
            self.ask(row.key)

    def look_again(self) -> None:
        """Look for phones anew, and ask all of them."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self.look()

    def ask_or_look(self, key: str) -> None:
        """Try a phone again that was not ready."""
        row = self.phones.get(key)
        if row is not None and row.found is not None and row.found.state == "ready":
            self.ask(key)
        else:
            self.look_again()

    def connect_address(self, text: str) -> None:
        """Add a phone on Wi-Fi and ask it.

        Raises:
            UsageError: It is no address.
        """
        key = self.phones.add_address(text)
        self.phones.tick(key, True)
        self.ask(key)

    def _on_watch_failed(self, error: ErrorInfo) -> None:
        self._watch = None
        self.failed.emit(error)

    def _on_found(self, found: list[Found]) -> None:
        for key in self.phones.take(found):
            self.ask(key)

    def ask(self, key: str) -> None:
        """Ask a phone for its facts, unless something is measured on it or it is being asked."""
        row = self.phones.get(key)
        if row is None or row.found is None or row.found.state != "ready" or self._measures_on(key):
            return
        if key in self._asks:
            self._asks.pop(key).cancel()
        found, kit, version = row.found, self.kit, self._around().version
        lock = self._locks.setdefault(key, threading.Lock())

        def work(task: Progressing) -> tuple[DeviceInfo, ErrorInfo | None]:
            with lock:  # a phone on this bus can be talked to by one only
                return phone_work.ask(
                    found, kit=kit, version=version, cancelled=task.cancelled, asked=lambda: task.say(key)
                )

        def done(told: tuple[DeviceInfo, ErrorInfo | None]) -> None:
            self._asks.pop(key, None)
            self.phones.told(key, *told)

        def failed(error: ErrorInfo) -> None:
            self._asks.pop(key, None)
            self.phones.failed(key, error)

        self.phones.asking(key)
        self._asks[key] = self._tasks.start(work, done=done, failed=failed, said=self.phones.waiting)

    @Slot()
    def _ask_again(self) -> None:
        for row in self.phones.phones:
            # A phone on this bus is left alone: asking would take it from other programs for a moment.
            if row.key not in self._asks and row.found is not None and row.found.kind != "usb":
                self.ask(row.key)

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
        if self.settings.problems:
            return self.settings.problems[0].message
        if not self.files.chosen:
            return "Tick a file to measure, or add one."
        chosen = self.phones.chosen
        if not chosen:
            return "Tick a phone that is ready, or this computer."
        if any(row.key == LOCAL for row in chosen) and self._computer_busy():
            return "A run is going on this computer: measure on it afterwards, or untick it."
        return ""

    @property
    def can_start(self) -> bool:
        """Whether measuring can begin."""
        return not self.run.active and not self.missing

    @property
    def again(self) -> tuple[Row, ...]:
        """Phones on which it ended early and that are ready now, so that it can be repeated."""
        rows = (self.phones.get(key) for key in self.run.failed_keys)
        return tuple(row for row in rows if row is not None and row.ready) if not self.run.active else ()

    def start(self) -> None:
        """Measure what is ticked on what is ticked."""
        if self.can_start:
            around = self._around()
            plan = Plan(
                self.files.chosen,
                self.settings.config,
                shape=self.settings.shape,
                version=around.version,
                compare=self.settings.compare,
                val=around.val,
                directory=self.files.directory,
                aar=self.aar,
                kit=self.kit,
            )
            self._begin(plan, self.phones.chosen)

    def repeat(self) -> None:
        """The same once more, on the phones on which it ended early."""
        rows = self.again
        if self._plan is not None and rows:
            self._begin(self._plan, rows)

    def _begin(self, plan: Plan, rows: Sequence[Row]) -> None:
        self._plan = plan
        names = Counter(row.name for row in rows)
        named = [(row.key, row.name if names[row.name] == 1 else f"{row.name} ({row.key})") for row in rows]
        self.run.begin(named, plan.files, plan.config.threads)
        self._mailbox = Mailbox()
        targets = self.run.targets.values()
        self._jobs = {target.id: Job(run=target.id, send=self._mailbox.put) for target in targets}
        self._skips = {target.id: threading.Event() for target in targets}
        self._timer.start()
        if any(target.key != LOCAL for target in targets):
            self._prepare(plan)
        else:
            self._start_local()

    def _prepare(self, plan: Plan) -> None:
        """What is done once for all phones."""
        self._clear_scratch()
        self._scratch = tempfile.TemporaryDirectory(prefix="pqv-questions-")
        folder, job, command = Path(self._scratch.name), next(iter(self._jobs.values())), self._command

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

    def _start_phone(self, run: str, row: Row, prepared: Prepared) -> None:
        assert row.found is not None
        found, name, job, skip = row.found, self.run.targets[run].name, self._jobs[run], self._skips[run]
        lock = self._locks.setdefault(found.key, threading.Lock())
        if found.key in self._asks:
            self._asks.pop(found.key).cancel()

        def work(_: Progressing) -> Outcome:
            with lock:
                return phone_work.measure(found, prepared, job, skip=skip, name=name)

        self._tasks.start(
            work,
            done=lambda outcome: self._on_phone_ended(run, outcome),
            failed=lambda error: self._on_phone_ended(run, Outcome(error=error)),
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
                threads=target.threads[0],
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

    def use_archive(self, path: Path) -> None:
        """Take the runtime's libraries from a file, and try once more."""
        self.aar = path
        if self._plan is not None:
            self._plan = replace(self._plan, aar=path)
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
            self._clear_scratch()
            self.ended.emit()

    def _on_phone_ended(self, run: str, outcome: Outcome) -> None:
        while batch := self._mailbox.take(BATCH_EVENTS):
            self.run.apply(batch)
        failed = outcome.error is not None or (outcome.failures and not outcome.measured)
        self._finish(run, "failed" if failed else "cancelled" if outcome.cancelled else "succeeded", outcome)
        target = self.run.targets.get(run)
        if target is not None:
            self.ask(target.key)
        self._start_local()

    def _finish(self, run: str, state: TargetState, outcome: Outcome) -> None:
        self.run.finished(
            run,
            state,
            error=outcome.error,
            failures=outcome.failures,
            measured=outcome.measured,
            profiles=outcome.profiles,
            warnings=outcome.warnings,
        )
        if outcome.kept is not None:
            self.kept.emit(outcome.kept)
        if outcome.not_kept is not None:
            self.failed.emit(outcome.not_kept)

    def _on_local_ended(self, last: AnyEvent) -> None:
        target, plan = self.run.targets.get(last.run), self._plan
        if target is None or plan is None or not isinstance(last, Finished):
            return
        names = {str(file.path): file.name for file in target.files}
        plain: Any = (last.result or {}).get("measurements", {})
        found = {key: Measurement.model_validate(value) for key, value in plain.items()}
        rows = [Measured(target.name, names.get(key, key), item) for key, item in found.items()]
        outcome = Outcome(measured=rows, error=last.error)
        by_file = {Path(key): (item,) for key, item in found.items()}

        def work(_: Progressing) -> Outcome:
            phone_work.keep(outcome, plan, by_file)
            return outcome

        self._tasks.start(
            work,
            done=lambda kept: self._finish(target.id, last.outcome, kept),
            failed=lambda error: self._finish(target.id, "failed", Outcome(error=error)),
        )

    def _clear_scratch(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None


def _timer(parent: QObject, milliseconds: int, act: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(milliseconds)
    timer.timeout.connect(act)
    return timer
