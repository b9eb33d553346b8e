"""What two files of a run answer to a person's own images, side by side in a terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from pqv_core import comparison, formatting
from pqv_core.cli import run_job as cli_job
from pqv_core.cli.absolute_path import absolute
from pqv_core.cli.console import console, say_problems
from pqv_core.cli.which_run import run_named
from pqv_core.comparison import StoredRun
from pqv_core.data import folder_walk, images
from pqv_core.errors import UsageError
from pqv_core.process.events import Finished
from pqv_core.process.job import Guess, Tried, TryJob
from pqv_core.project import project_file as projects
from pqv_core.project import runs
from pqv_core.results import select, trying
from pqv_core.results.record import Variant

MOST_IMAGES = 256


def show(project: Path, paths: Sequence[Path], *, run: str | None, before: str, after: str, as_json: bool) -> Finished:
    """Ask both files, and print what they answer.

    Args:
        paths: Images, and folders of images.
        run: Its name or id; None for the newest that has made a file.
        before: Key of the one file; empty for the uncut one.
        after: Key of the other; empty for the result.

    Raises:
        PqvError: The project cannot be read, or has no such run or files; or there are no images.
    """
    projects.load(project)
    stored = _run(project, run)
    pair = trying.pair(stored.record, before, after)
    files = tuple(absolute(stored.directory / variant.file) for variant in pair)
    chosen = tuple(map(absolute, images_in(paths)))
    finished = cli_job.do(TryJob(run=runs.new_id(), files=files, images=chosen), as_json=as_json)
    if finished.result is not None:
        tried = Tried.model_validate(finished.result)
        if as_json:
            print(json.dumps({"type": "tried", "run": stored.directory.name, **_plain(tried, pair, files, chosen)}))
        else:
            _print(stored, tried, pair, files, chosen)
    return finished


def _run(project: Path, run: str | None) -> StoredRun:
    found = comparison.load(project)
    say_problems(found.problems)
    if run is not None:
        return run_named(found, run)
    made = next((each for each in reversed(found.runs) if each.record.results), None)
    if made is None:
        raise UsageError("No run of the project has made a file.", action=f"Run it first: pqv run {project}")
    return made


def images_in(paths: Sequence[Path]) -> list[Path]:
    """The images that are named, and those below the folders that are named, each once.

    Raises:
        UsageError: There are none, or too many.
        DataError: A folder is missing.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = folder_walk.below(path, above=path.absolute().parents).images
            found |= dict.fromkeys(path / name for name in below)
        else:
            found[path] = None
    if not found:
        raise UsageError("There are no images in this folder.", action="Name image files, or a folder that holds some.")
    if len(found) > MOST_IMAGES:
        raise UsageError(
            f"These are {len(found):,} images, more than {MOST_IMAGES}.",
            action="Name fewer; how often a run is right on a whole set, and where not, says: pqv lost.",
        )
    return list(found)


def _plain(tried: Tried, pair: Sequence[Variant], files: Sequence[str], chosen: Sequence[str]) -> dict[str, object]:
    """The answers as plain data, image by image."""
    rows: list[dict[str, object]] = []
    for image in chosen:
        if image in tried.problems:
            rows.append({"image": image, "problem": tried.problems[image]})
            continue
        one, other = (tried.guesses[file][image] for file in files)
        plain = [[[guess.name, guess.share] for guess in guesses] for guesses in (one, other)]
        rows.append({"image": image, "before": plain[0], "after": plain[1], "same": one[0].name == other[0].name})
    return {"before": pair[0].key, "after": pair[1].key, "images": rows}


def _print(
    stored: StoredRun, tried: Tried, pair: Sequence[Variant], files: Sequence[str], chosen: Sequence[str]
) -> None:
    out = console()
    out.print(f"{stored.title}: {pair[0].label} → {pair[1].label}", soft_wrap=True)
    same = 0
    for image in chosen:
        out.print()
        name = images.shown(image.removeprefix(f"{Path.cwd()}{os.sep}"))
        if image in tried.problems:
            out.print(f"{name} cannot be read: {tried.problems[image]}.", style="yellow", soft_wrap=True)
            continue
        one, other = (tried.guesses[file][image] for file in files)
        same += one[0].name == other[0].name
        out.print(name, style="bold", soft_wrap=True)
        out.print(_table(pair, one, other))
    asked = len(chosen) - len(tried.problems)
    out.print()
    out.print(f"{same} of {formatting.counted(asked, 'image')} answered with the same class.")
    measured = select.shown(stored.record)
    times = [formatting.milliseconds(measured[item.key].median_ms) for item in pair if item.key in measured]
    if len(times) == len(pair):
        out.print(f"Latency, median on this computer when the run measured it: {' → '.join(times)}.")


def _table(pair: Sequence[Variant], one: Sequence[Guess], other: Sequence[Guess]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for variant in pair:
        table.add_column(variant.label)
        table.add_column("", justify="right")
    for left, right in zip(one, other, strict=True):
        table.add_row(left.name, formatting.percent(left.share), right.name, formatting.percent(right.share))
    return table
