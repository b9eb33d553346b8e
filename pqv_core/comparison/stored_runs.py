"""Reads the runs beside a project. One that cannot be read is named and does not hide the others."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pqv_core.comparison import rows, run_names
from pqv_core.comparison.rows import Row
from pqv_core.errors import ProjectError, from_os_error
from pqv_core.project import project_file as projects
from pqv_core.project import run_label
from pqv_core.project.run_label import RunLabel
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord

THIS_COMPUTER = "This computer"


@dataclass(frozen=True)
class StoredRun:
    """A run in its folder, whose name is what it is known by, with what the person calls it.

    Attributes:
        made_name: What tells it from the other runs of the project (``run_names.py``); empty for a run by itself.
    """

    directory: Path
    record: RunRecord
    label: RunLabel
    made_name: str = ""

    @property
    def title(self) -> str:
        """The run's name; where it has none, what tells it from the others."""
        return self.label.name or self.made_name or self.directory.name


@dataclass(frozen=True)
class Comparison:
    """All runs of a project.

    Attributes:
        runs: Oldest first.
        rows: Artefact by artefact, in the order of the runs.
        problems: A sentence for each run that could not be read.
        devices: What the devices are called: computers first, then phones in the order of their first measurement.
    """

    runs: tuple[StoredRun, ...] = ()
    rows: tuple[Row, ...] = ()
    problems: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether it stays true as long as no file changes: nothing is at work, and all could be read."""
        return not self.problems and all(run.record.state != "running" for run in self.runs)


Stamp = tuple[tuple[str, str, int, int, int], ...]


def stamp(project: Path) -> Stamp:
    """Another one whenever a run of a project was added, written, named or taken away; a look at each file.

    Raises:
        StorageError: The folder of runs cannot be listed.
    """
    folder = projects.runs_directory(project)
    found: list[tuple[str, str, int, int, int]] = []
    try:
        directories = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise from_os_error(error, folder) from error
    for directory in directories:
        for name in (results.RUN_FILE, run_label.LABEL_FILE):
            with contextlib.suppress(OSError):
                facts = (directory / name).stat()
                found.append((directory.name, name, facts.st_ino, facts.st_mtime_ns, facts.st_size))
    return tuple(found)


def load(project: Path) -> Comparison:
    """Compare the runs of a project.

    Raises:
        StorageError: The folder of runs cannot be listed.
    """
    found, problems = results.load_folders(projects.runs_directory(project))
    runs = [StoredRun(directory, record, _label(directory, problems)) for directory, record in found]
    return compare(runs, problems=problems)


def _label(directory: Path, problems: list[str]) -> RunLabel:
    try:
        return run_label.load(directory)
    except ProjectError as error:
        problems.append(error.message)
        return RunLabel()


def compare(runs: Sequence[StoredRun], *, problems: Sequence[str] = ()) -> Comparison:
    """Rows of these runs; a run with figures beyond all measure is named among the problems."""
    kept: list[StoredRun] = []
    found: list[Row] = []
    problems_found = list(problems)
    computers = {computer(run.record) for run in runs}
    made_names = run_names.names([run.record for run in runs])
    for run in [replace(run, made_name=name) for run, name in zip(runs, made_names, strict=True)]:
        here = THIS_COMPUTER if len(computers) == 1 else computer(run.record)
        try:
            made = list(
                rows.of_run(
                    run.record,
                    folder=run.directory.name,
                    name=run.label.name,
                    title=run.title,
                    note=run.label.note,
                    here=here,
                )
            )
            possible = all(row.is_possible for row in made)
        except ArithmeticError:
            possible = False
        if not possible:
            problems_found.append(f"The run {run.directory.name} contains invalid figures.")
            continue
        kept.append(run)
        found.extend(made)
    devices = tuple(sorted({row.device for row in found}, key=lambda name: _order(found, name)))
    return Comparison(tuple(kept), tuple(found), tuple(problems_found), devices)


def computer(record: RunRecord) -> str:
    """What tells a computer from others: its processor and cores."""
    environment = record.environment
    return f"{environment.processor}, {environment.cores} cores"


def _order(found: Sequence[Row], device: str) -> tuple[bool, int]:
    """Computers first, then phones in the order of their first measurement."""
    place = next(index for index, row in enumerate(found) if row.device == device)
    return found[place].target != results.LOCAL, place
