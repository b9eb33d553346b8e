"""What the parts of a model cost at each width, for a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from pqv_core import formatting, labels
from pqv_core.cli import run_job as cli_job
from pqv_core.cli.console import console
from pqv_core.config import RunConfig, with_settings
from pqv_core.config.budget import LOCAL
from pqv_core.config.export import format_problem
from pqv_core.errors import UsageError
from pqv_core.files.fsio import check_writable
from pqv_core.files.kind import Kind, kind
from pqv_core.latency import store
from pqv_core.latency import table as tables
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import LatencyTable, Part
from pqv_core.process.events import Finished
from pqv_core.process.job import LatencyJob
from pqv_core.project import runs
from pqv_core.project.project_file import SUFFIX
from pqv_core.results import summary


def project_of(source: Path | None) -> Path:
    """The project among what a table can be asked of.

    Raises:
        UsageError: There is none, or it is a table.
    """
    if source is not None and is_project(source):
        return source
    raise UsageError(
        f"{source} is no project." if source is not None else "There is no project whose model could be measured.",
        action="These options measure a table: pqv latency PROJECT.pqv.",
    )


def run(config: RunConfig, *, threads: int | None, out: Path | None, as_json: bool) -> Finished:
    """Measure a table of this computer for the first format of a run, keep it, and say what is in it.

    Args:
        threads: Of the runtime; None for those of the project.
        out: Where the table is written too; None for nowhere.

    Raises:
        ConfigError: The format cannot be written so.
        StorageError: A file cannot be written.
    """
    here = with_settings(config, {"export.target": "host", "measure.threads": threads or config.measure.threads})
    form = measurable(here, out)
    job = LatencyJob(run=runs.new_id(), config=here, format=form)
    finished = cli_job.do(job, as_json=as_json)
    if finished.result is not None:
        write(LatencyTable.model_validate(finished.result), out, as_json=as_json)
    return finished


def measurable(config: RunConfig, out: Path | None) -> str:
    """The format that a table is measured in, once nothing that is known before stands against it.

    Raises:
        ConfigError: The format cannot be written so.
        StorageError: The table could not be written into ``out``.
    """
    form = config.export.formats[0]
    if problem := format_problem(form, config.export.target, precision=config.quantize.precision):
        raise problem
    if out is not None:
        check_writable(out)
    return form


def write(table: LatencyTable, out: Path | None, *, as_json: bool) -> None:
    """Say what is in a table, and write it into a file that others can keep, where one is named."""
    say(table, as_json=as_json)
    if out is not None:
        tables.save(out, table.of_its_kind)
        console(as_json=as_json).print(f"Saved to {out}", soft_wrap=True)


def take_in(source: Path, *, as_json: bool) -> None:
    """Keep a table that somebody else has measured.

    Raises:
        StorageError: It cannot be read, or not be kept.
        ProjectError: It is none.
    """
    table = tables.load(source).of_its_kind
    store.keep(table)
    if as_json:
        print(json.dumps(_as_data(table)))
    say(table, as_json=as_json)
    console(as_json=as_json).print(f"Kept: a budget on “{table.device}” uses it.", soft_wrap=True)


def show_kept(*, as_json: bool) -> None:
    """Print which tables are kept, the newest first."""
    found = list(store.kept())
    if as_json:
        for table in found:
            print(json.dumps(_as_data(table)))
        return
    if not found:
        console().print("No latency tables yet. Measure one: pqv latency PROJECT.")
        return
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for head in ("Model", "Format", "Scheme", "Device", "Serial", "Threads", "Age", "Uncut model"):
        shown.add_column(head, justify="right" if head in ("Threads", "Age", "Uncut model") else "left")
    for table in found:
        subject = table.subject
        serial = labels.target(LOCAL) if store.is_of(table, LOCAL) else table.serial or summary.MISSING
        texts = (subject.model, subject.format, subject.scheme, table.device, serial, str(subject.threads))
        shown.add_row(*texts, _age(table.created), formatting.nanoseconds(table.dense_ns))
    console().print(shown)


def _as_data(table: LatencyTable) -> dict[str, Any]:
    subject = table.subject.model_dump(mode="json")
    about = {"name": table.device, "serial": table.serial, "created": table.created, "dense_ns": table.dense_ns}
    return {"type": "latency_table", **about, **subject}


def _age(created: str) -> str:
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()
    except (ValueError, TypeError, OverflowError):  # a stranger's table may say anything
        return summary.MISSING
    days = int(seconds // 86_400)
    return formatting.counted(days, "day") if days > 1 else formatting.duration(max(0.0, seconds))


def is_project(path: Path) -> bool:
    """Whether a path is that of a project, which may be missing."""
    return path.suffix == SUFFIX or (path.exists() and kind(path) is Kind.PROJECT)


def say(table: LatencyTable, *, as_json: bool) -> None:
    """Print a table: a line for each kind of parts and width, and how certain they are."""
    subject, out = table.subject, console(as_json=as_json)
    kernels = f", {subject.engine}" if subject.engine else ""
    threads = formatting.counted(subject.threads, "thread")
    out.print(f"{subject.model}, {subject.format}, {subject.scheme}{kernels}, {threads}, on {table.device}:")
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for index, head in enumerate(("Parts", "Width", "Each takes")):
        shown.add_column(head, justify="left" if index == 0 else "right")
    for place, curve in enumerate(table.curves):
        alike = [part for part in table.parts if part.curve == place]
        for point in reversed(curve):
            name = _named(alike) if point is curve[-1] else ""
            each = table.share(point) / point.copies * table.dense_ns
            shown.add_row(name, f"{point.units:,}", formatting.nanoseconds(each))
    out.print(shown)
    rest = Predictor(table).rest
    out.print(
        f"The whole model takes {formatting.nanoseconds(table.dense_ns)}, {formatting.percent(rest)} of which stay "
        "whatever is cut."
    )
    for narrower in reversed(table.embeddings):
        out.print(
            f"With {narrower.units:,} of the {table.embedding:,} channels of its embedding it takes "
            f"{formatting.nanoseconds(table.share(narrower) * table.dense_ns)}."
        )
    loops = formatting.counted(len(table.loops), "loop")
    out.print(
        f"How certain: the middle half of a part’s times lies within {formatting.percent(table.scatter)}; "
        f"the whole model’s least time differs by {formatting.percent(table.drift)} between {loops}."
    )


def _named(alike: list[Part]) -> str:
    """Parts that cost the same: the first, and how many more there are."""
    others = f" and {len(alike) - 1:,} more" if len(alike) > 1 else ""
    return f"{alike[0].name}{others} ({alike[0].kind})"
