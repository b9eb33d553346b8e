"""What the parts of a model cost at each width, for a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from pqv_core import formatting
from pqv_core.cli import run_job as cli_job
from pqv_core.cli.console import console
from pqv_core.config import RunConfig, with_settings
from pqv_core.config.budget import LOCAL
from pqv_core.config.export import format_problem
from pqv_core.files.fsio import remove_folder
from pqv_core.latency import store
from pqv_core.latency import table as tables
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import LatencyTable, Part
from pqv_core.process.events import Finished
from pqv_core.process.job import LatencyJob
from pqv_core.project import runs


def run(config: RunConfig, *, out: Path | None, as_json: bool) -> Finished:
    """Measure a table of this computer for the first format of a run, keep it, and say what is in it.

    Args:
        out: Where the table is written too; None for nowhere.

    Raises:
        ConfigError: The format cannot be written so.
        StorageError: A file cannot be written.
    """
    here = with_settings(config, {"export.target": "host"})
    form = here.export.formats[0]
    if problem := format_problem(form, "host", precision=here.quantize.precision):
        raise problem
    folder = store.probes_folder(here, form, on=LOCAL)
    job = LatencyJob(run=runs.new_id(), config=here, format=form, folder=str(folder))
    finished = cli_job.do(job, as_json=as_json)
    if finished.result is not None:
        table = LatencyTable.model_validate(finished.result)
        store.keep(table)
        remove_folder(folder)
        if out is not None:
            tables.save(out, table)
        say(table, as_json=as_json)
        if out is not None:
            console(as_json=as_json).print(f"The table: {out}", soft_wrap=True)
    return finished


def say(table: LatencyTable, *, as_json: bool) -> None:
    """Print a table: a line for each kind of parts and width, and how well they add up to whole models."""
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


def _named(alike: list[Part]) -> str:
    """Parts that cost the same: the first, and how many more there are."""
    others = f" and {len(alike) - 1:,} more" if len(alike) > 1 else ""
    return f"{alike[0].name}{others} ({alike[0].kind})"
