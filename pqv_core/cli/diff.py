"""Two runs of a project beside each other, in a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pqv_core import comparison
from pqv_core.cli.console import console, say_problems
from pqv_core.cli.which_run import run_named
from pqv_core.comparison import Comparison, StoredRun
from pqv_core.comparison.differences import Difference, difference
from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects


def show(project: Path, one: str | None, other: str | None, *, as_json: bool) -> None:
    """Print what differs between two runs of a project.

    Args:
        one: Name or id of the run to start from; None for the newest but one.
        other: The one that is compared with it; None for the newest.

    Raises:
        PqvError: The project cannot be read, or has no such runs.
    """
    projects.load(project)
    found = comparison.load(project)
    say_problems(found.problems)
    before, after = _chosen(found, one, other)
    if before is after:
        raise UsageError(f"Both are the run {after.title}.", action="Name another run to compare it with.")
    made = difference(before, after)
    if as_json:
        ids = {"runs": [run.directory.name for run in (before, after)]}
        print(json.dumps({"type": "difference", **ids, **made.as_json()}))
    else:
        _print(console(), made)


def _chosen(found: Comparison, one: str | None, other: str | None) -> tuple[StoredRun, StoredRun]:
    if len(found.runs) < 2:
        raise UsageError("The project has fewer than two runs.", action="Run it with other settings first.")
    after = run_named(found, other) if other is not None else found.runs[-1]
    if one is not None:
        return run_named(found, one), after
    return next(run for run in reversed(found.runs) if run is not after), after


def _print(out: Console, made: Difference) -> None:
    out.print(f"{made.before} → {made.after}", soft_wrap=True)
    out.print()
    if made.settings:
        changes = [(change.name, change.before, change.after) for change in made.settings]
        out.print(_table(("Setting", "Before", "After"), changes))
    else:
        out.print("All settings are the same.")
    for device in made.devices:
        shown = [figure for figure in made.figures if figure.device == device]
        cells = [(figure.label, figure.before, figure.after, figure.change) for figure in shown]
        out.print()
        out.print(_table((device, "Before", "After", "Change"), cells))
    if not made.figures:
        out.print("The two have no figure in common.")
    for note in made.notes:
        out.print(note, style="yellow")


def _table(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index == 0 else "right")
    for row in cells:
        table.add_row(*row)
    return table
