"""Which run of a project a person means."""

from __future__ import annotations

from pqv_core.comparison import Comparison, StoredRun
from pqv_core.errors import UsageError

_LISTED = 12


def run_named(found: Comparison, text: str) -> StoredRun:
    """The run that a person means by its id, or by its name.

    Raises:
        UsageError: There is none, or there are several of this name.
    """
    runs = found.runs
    meant = [run for run in runs if run.directory.name == text] or [run for run in runs if run.title == text]
    if len(meant) == 1:
        return meant[0]
    known = "\n".join(f"  {run.directory.name}  {run.title}" for run in runs[-_LISTED:][::-1])
    what = f"{len(meant)} runs are" if meant else "No run is"
    raise UsageError(f"{what} called {text!r}.", action=f"Name a run by its id; the newest are:\n{known}")
