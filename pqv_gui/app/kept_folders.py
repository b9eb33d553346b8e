"""Where PQV-Mobile keeps what belongs to no project."""

from __future__ import annotations

from pathlib import Path

from deploy.kit import programs, runtimes
from pqv_core.data import dataset
from pqv_core.latency import store
from pqv_gui.i18n import tr
from pqv_gui.services import logfile


def kept_folders() -> list[tuple[str, Path]]:
    """What is kept, and where."""
    return [
        (tr("Latency tables"), store.folder()),
        (tr("Data sets"), dataset.named_folder()),
        (tr("Runtimes for phones"), runtimes.cache()),
        (tr("Benchmark programs built here"), programs.built()),
        (tr("Log"), logfile.folder()),
    ]
