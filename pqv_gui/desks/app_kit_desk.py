"""Writes what an app needs of a run, beside the window: this computer answers an example for it first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from deploy import app_kit
from deploy.job import Job
from pqv_core.errors import ErrorInfo
from pqv_core.process.worker_client import Worker
from pqv_gui.services.jobs import Progressing, Tasks


class AppKitDesk(QObject):
    """Writes one app kit at a time.

    Args:
        command: Program to start instead of the worker of this installation.
    """

    changed = Signal()
    written = Signal(object)  # Path of a folder
    failed = Signal(object)  # ErrorInfo

    def __init__(self, tasks: Tasks, parent: QObject, *, command: Sequence[str] | None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._worker: Callable[..., Worker] = partial(Worker, command=command)
        self._job: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether a kit is being written."""
        return self._job is not None

    def write(self, directory: Path, target: Path, *, project: Path | None) -> None:
        """Write the kit of the run in ``directory`` into the new folder ``target``."""
        if self._job is not None:
            return
        job = self._job = Job(run=directory.name)

        def work(_: Progressing) -> Path:
            app_kit.write(app_kit.read(directory), target, project=project, job=job, worker=self._worker)
            return target

        self._tasks.start(work, done=self._on_written, failed=self._on_failed)
        self.changed.emit()

    def close(self) -> None:
        """End what is being written; nothing of it is left."""
        if self._job is not None:
            self._job.cancelled.set()

    def _on_written(self, target: Path) -> None:
        self._job = None
        self.changed.emit()
        self.written.emit(target)

    def _on_failed(self, error: ErrorInfo) -> None:
        self._job = None
        self.changed.emit()
        self.failed.emit(error)
