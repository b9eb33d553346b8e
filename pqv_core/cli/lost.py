"""What was lost between two models of a run, in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pqv_core import comparison, formatting
from pqv_core.cli.console import console, say_problems
from pqv_core.cli.which_run import run_named
from pqv_core.comparison import Comparison, StoredRun
from pqv_core.data import images
from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.results import answers, losses
from pqv_core.results.losses import KINDS, Losses, Pair

_CLASSES, _PAIRS, _IMAGES = 20, 10, 20


def show(project: Path, run: str | None, *, before: str, after: str, as_json: bool) -> None:
    """Print which classes lost how many images, which are confused, and the images whose answer changed.

    Args:
        run: Its name or id; None for the newest that has answers.
        before: Key of the model or file to start from; empty for the uncut model.
        after: Key of the one that is compared with it; empty for the result.

    Raises:
        PqvError: The project cannot be read, or has no such run, or that has no answers.
    """
    projects.load(project)
    found = comparison.load(project)
    say_problems(found.problems)
    chosen, given = _chosen(found, run)
    made = losses.between(given, before, after)
    if as_json:
        print(json.dumps({"type": "lost", "run": chosen.directory.name, **made.as_json()}))
    else:
        _print(console(), chosen, made)


def _chosen(found: Comparison, run: str | None) -> tuple[StoredRun, answers.RunAnswers]:
    runs = found.runs[::-1] if run is None else (run_named(found, run),)
    for each in runs:
        if given := answers.load(each.directory, each.record):
            return each, given
    what = "The project" if run is None else f"The run {runs[0].title}"
    raise UsageError(f"{what} has no answers to compare.", action=answers.WHY_NONE)


def _print(out: Console, run: StoredRun, made: Losses) -> None:
    out.print(f"{run.title}: {made.before.label} → {made.after.label}", soft_wrap=True)
    out.print(made.sentence, soft_wrap=True)
    if not made.changed:
        return
    _print_part(out, _classes(made), shown=_CLASSES, of=len(made.classes), what="classes")
    if pairs := made.new_confusions:
        _print_part(out, _pairs(made, pairs), shown=_PAIRS, of=len(pairs), what="pairs")
    _print_part(out, _images(made), shown=_IMAGES, of=len(made.changed), what="images")


def _print_part(out: Console, table: Table, *, shown: int, of: int, what: str) -> None:
    out.print()
    out.print(table)
    if of > shown:
        out.print(f"… and {of - shown:,} more {what}; --json has all.")


def _table(title: str, *heads: str, left: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style="bold")
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < left else "right")
    return table


def _classes(made: Losses) -> Table:
    table = _table("Accuracy by class", "Class", "Images", "Before", "After", "Change", "Lost", "Won", left=1)
    for each in made.classes[:_CLASSES]:
        shares = each.before / each.images, each.after / each.images
        figures = *map(formatting.percent, shares), formatting.points(*shares)
        table.add_row(each.name, f"{each.images:,}", *figures, f"{each.lost:,}", f"{each.won:,}")
    return table


def _pairs(made: Losses, pairs: list[Pair]) -> Table:
    table = _table("Confused more often than before", "Class", "Answer", "Before", "After", left=2)
    for pair in pairs[:_PAIRS]:
        table.add_row(made.run.name(pair.label), made.run.name(pair.answer), f"{pair.before:,}", f"{pair.after:,}")
    return table


def _images(made: Losses) -> Table:
    """Those that were lost come first."""
    table = _table("Images whose answer changed", "Image", "Class", "Before", "After", "", left=5)
    ordered = sorted(made.changed, key=lambda each: list(KINDS).index(each.kind))
    for each in ordered[:_IMAGES]:
        names = (made.run.name(output) for output in (each.label, each.before, each.after))
        table.add_row(images.shown(each.image), *names, KINDS[each.kind].lower())
    return table
