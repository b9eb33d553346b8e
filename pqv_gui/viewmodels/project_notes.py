"""What the list of recent projects says of each: when it was changed last, and what its newest run gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pqv_core.errors import PqvError
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord

_STATES = {
    "failed": "Last run failed",
    "cancelled": "Last run stopped",
    "interrupted": "Last run interrupted",
    "running": "A run is in progress",
}
_FIGURES = ("Accuracy", "Latency", "File size")


@dataclass(frozen=True)
class ProjectNote:
    """What is said of a project.

    Attributes:
        changed: When it or a run of it was written last, as this computer's clock had it; None where it is gone.
        result: How its newest run ended, in a few words; empty where nothing has run.
    """

    changed: datetime | None = None
    result: str = ""


def look(path: Path) -> ProjectNote:
    """Look at a project on the disk. Never raises: what cannot be read is not said."""
    try:
        changed = path.stat().st_mtime
    except OSError:
        return ProjectNote(result="File not found")
    record, written = _newest(projects.runs_directory(path))
    return ProjectNote(datetime.fromtimestamp(max(changed, written)), _result(record) if record is not None else "")


def _newest(folder: Path) -> tuple[RunRecord | None, float]:
    """The newest run that can be read, and when it was written; ids of runs sort by time."""
    try:
        directories = sorted(folder.iterdir(), reverse=True)
    except OSError:
        return None, 0.0
    for directory in directories:
        try:
            written = (directory / results.RUN_FILE).stat().st_mtime
            return results.load(directory), written
        except (PqvError, OSError):
            continue
    return None, 0.0


def _result(record: RunRecord) -> str:
    from pqv_gui.viewmodels.results import result_cards  # in the thread that looks, not while the window starts

    if record.state != "succeeded":
        return _STATES.get(record.state, record.state)
    target = result_cards.targets(record)[-1]  # a phone, when one has measured it
    figures = {card.title: card.after for card in result_cards.cards(record, target=target)}
    return " · ".join(figures[name] for name in _FIGURES if name in figures) or "Complete"
