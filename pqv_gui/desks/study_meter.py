"""Measures the trials of a study on a phone, one after the other, in the thread that runs the study."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deploy.device.target import Found
from deploy.errors import told
from deploy.job import Job
from deploy.kit.kit import Kit, KitChoice
from deploy.measure import latency_table, session
from deploy.measure.steps import PhoneConfig
from pqv_core.config import RunConfig
from pqv_core.errors import Cancelled
from pqv_core.process.events import Event, StageStarted
from pqv_core.process.worker_client import Worker
from pqv_core.results import record as results
from pqv_gui.desks import phone_work
from pqv_gui.desks.phone_work import MeasuringPlan
from pqv_gui.pages.device.phone_files import Source, results_of


def _nobody(_: str) -> None:
    """Takes what nobody follows."""


@dataclass
class StudyMeter:
    """What ``StudyRunner`` asks to measure a trial's files.

    Attributes:
        found: The phone.
        name: What a person calls it.
        lock: Holds off others while it is measured.
        doing: Told which stage begins.
        val: Validation images that the phone is asked about.
        command: Program to start instead of the worker of this installation.
    """

    found: Found
    name: str
    config: PhoneConfig
    lock: threading.Lock
    doing: Callable[[str], object] = _nobody
    val: Path | None = None
    kit: Kit | None = None
    archives: tuple[Path, ...] = ()
    command: Sequence[str] | None = None
    _job: Job = field(default_factory=Job)

    def cancel(self) -> None:
        """Ask for the end; may be called from any thread."""
        self._job.cancelled.set()

    def prepare(self, settings: RunConfig) -> None:
        """Measure the latency table by which a run keeps its budget, where that is about this phone and missing.

        Raises:
            PqvError: The phone could not measure it.
            Cancelled: The end was asked for.
        """
        is_meant = settings.budget.on in (self.found.key, self.found.serial, self.name)
        if not is_meant or not latency_table.is_missing(settings, threads=None):
            return
        self._job.send = self._heard
        self._job.check()
        config, choice = latency_table.phone_config(settings, None), KitChoice(archives=self.archives, kit=self.kit)
        with self.lock:
            latency_table.measured(
                settings,
                settings.export.formats[0],
                session.bench_of(self.found, self._job, config, choice),
                worker=partial(Worker, command=self.command),
                unless=partial(latency_table.kept, settings, threads=None),
            )

    def measure(self, directory: Path) -> None:
        """Measure the results of a run, and add the figures to it.

        Raises:
            PqvError: The phone could not measure them, or they could not be kept.
            Cancelled: The end was asked for.
        """
        source = Source(results.load(directory), directory, directory.name)
        plan = MeasuringPlan(
            tuple(results_of(source).values()), self.config, val=self.val, archives=self.archives, kit=self.kit
        )
        self._job.run, self._job.send = directory.name, self._heard
        self._job.check()
        with tempfile.TemporaryDirectory(prefix="pqv-inputs-") as folder, self.lock:
            prepared = phone_work.prepare(plan, self._job, Path(folder), command=self.command)
            outcome = phone_work.measure(self.found, prepared, self._job, skip=threading.Event(), name=self.name)
        if outcome.cancelled:
            raise Cancelled
        failure = outcome.error or next((error for _, error in outcome.failures), None) or outcome.not_kept
        if failure is not None:
            raise told(failure)

    def _heard(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.doing(event.stage)
