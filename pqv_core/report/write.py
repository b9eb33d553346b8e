"""Writes a report in one of its forms."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from pqv_core import comparison as comparisons
from pqv_core.comparison import Comparison, Row
from pqv_core.errors import ProjectError, UsageError
from pqv_core.files.fsio import write_text
from pqv_core.formats import suffixes
from pqv_core.project import project_file as projects
from pqv_core.report import netron, plain_data

Format = Literal["html", "csv", "json", "netron"]
FORMATS: tuple[Format, ...] = get_args(Format)
_SUFFIXES: dict[Format, str] = {
    "html": "-report.html",
    "csv": "-report.csv",
    "json": "-report.json",
    "netron": "-netron.json",
}


def default_path(project: Path, kind: Format) -> Path:
    """Where a report goes unless it is said: beside the project."""
    return project.with_name(f"{project.stem}{_SUFFIXES[kind]}")


def write(project: Path, out: Path, *, kind: Format, runs: Collection[str] = ()) -> Comparison:
    """Write a report on the runs of a project, whole or not at all; returns what it is about.

    Args:
        runs: Names of the runs' folders; none for all.

    Raises:
        UsageError: ``out`` is a project or a model, or there is no such run.
        ProjectError: No run has what the form needs.
        StorageError: It cannot be written.
    """
    if out.suffix in (projects.SUFFIX, *suffixes()):
        raise UsageError(f"A report would overwrite {out.name}.", action="Choose another name.")
    found = only(comparisons.load(project), runs)
    write_text(out, text(found, project=project.stem, kind=kind))
    return found


def only(found: Comparison, runs: Collection[str]) -> Comparison:
    """The part about some runs; all of it where none are named.

    Raises:
        UsageError: There is no such run.
    """
    if not runs:
        return found
    known = {run.directory.name for run in found.runs}
    unknown = [run for run in runs if run not in known]
    if unknown:
        raise UsageError(f"The project has no run {unknown[0]}.", action="List its runs with: pqv show PROJECT.")
    rows = tuple(row for row in found.rows if row.run in runs)
    devices = {row.device for row in rows}
    return replace(
        found,
        runs=tuple(run for run in found.runs if run.directory.name in runs),
        rows=rows,
        devices=tuple(device for device in found.devices if device in devices),
    )


def text(found: Comparison, *, project: str, kind: Format) -> str:
    """A report as the text of its file.

    Raises:
        ProjectError: No run has what the form needs.
    """
    if kind == "html":
        from pqv_core.report import html_page

        return html_page.html(found, project=project)
    if kind == "csv":
        return plain_data.table(found.rows)
    plain = plain_data.plain(found, project=project) if kind == "json" else netron.attachment(_profiled(found))
    return json.dumps(plain, indent=2, allow_nan=False) + "\n"


def _profiled(found: Comparison) -> Row:
    """The newest compressed file whose operators were timed."""
    rows = [row for row in found.rows if row.is_result and row.operator_times]
    if not rows:
        raise ProjectError(
            "No run has profiled its operators.",
            action="Switch “Profile operators” on (measure.profile=true) and run the project again.",
        )
    return rows[-1]
