"""Measuring exported files on this computer, for a terminal: the job, and a table of what it found."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.table import Table

from pqv_core import formatting
from pqv_core.cli import run_job as cli_job
from pqv_core.cli.console import console
from pqv_core.config.base import config_error
from pqv_core.process.events import Finished
from pqv_core.process.job import BenchJob
from pqv_core.project import runs
from pqv_core.results import operators, select, stability, summary, wait_policy
from pqv_core.results.record import Measurement

_HEADS = (
    "File",
    "Engine",
    "Threads",
    "Batch",
    "Median",
    "p90",
    "An image",
    "Fastest",
    "Runs",
    "Loading",
    "Memory",
)


def run(asked: Mapping[str, Any], *, names: Mapping[str, str] | None = None, as_json: bool) -> Finished:
    """Measure, and say what was found.

    Args:
        asked: Fields of a ``BenchJob``, without its id.
        names: What a person calls the files; their paths where that is None.

    Raises:
        ConfigError: One of them is out of range.
    """
    try:
        job = BenchJob.model_validate({"run": runs.new_id(), **asked})
    except ValidationError as error:
        raise config_error(error) from error
    with runs.measuring(map(Path, job.files)):
        finished = cli_job.do(job, as_json=as_json)
    if finished.result is not None:
        say(finished.result, names=names, as_json=as_json)
    return finished


def say(result: dict[str, Any], *, names: Mapping[str, str] | None = None, as_json: bool) -> None:
    """Print what a ``BenchJob`` results in: a table, each row beside the quickest of its loop."""
    measured = [
        (names[file] if names else _shown(file), Measurement.model_validate(item))
        for file, items in result["measurements"].items()
        for item in items
    ]
    quickest = _quickest([item for _, item in measured])
    table = Table(box=None, padding=(0, 1, 0, 0), title=result["environment"]["processor"], title_justify="left")
    for index, head in enumerate((*_HEADS, "")):
        table.add_column(head, justify="left" if index < 2 else "right", vertical="bottom")
    for file, item in measured:
        share = select.ratio(item, quickest[select.Setting.of(item)])
        table.add_row(file, *_cells(item), f"{formatting.ratio(share)} the fastest file’s time" if share else "")
    out = console(as_json=as_json)
    out.print(table)
    for policy in sorted({item.wait_policy for _, item in measured} - {wait_policy.OWN}):
        files = ", ".join(dict.fromkeys(file for file, item in measured if item.wait_policy == policy))
        out.print(f"Faster, and measured {wait_policy.words(policy)} ({wait_policy.VARIABLE}={policy}): {files}.")
    for file, item in measured:
        if item.operators:
            out.print(f"{file}, {_setting(item)}, by operators: {_by_group(item)}.")
        for remark in stability.remarks(item):
            out.print(f"Note: {file}, {_setting(item)}: {remark}.", style="yellow")


def _quickest(measured: Sequence[Measurement]) -> dict[select.Setting, Measurement]:
    """The measurement with the least median of each loop."""
    ordered = sorted(measured, key=lambda item: -item.median_ns)
    return {select.Setting.of(item): item for item in ordered}


def _by_group(item: Measurement) -> str:
    groups = operators.by_group(item.operators)
    return ", ".join(f"{name.lower()} {formatting.nanoseconds(ns)}" for name, ns in groups.items())


def _setting(item: Measurement) -> str:
    return f"{formatting.counted(item.threads, 'thread')}, batch {item.batch}"


def _shown(key: str) -> str:
    """A file by its path from here, where it lies below."""
    return key.removeprefix(f"{Path.cwd()}{os.sep}")


def _cells(item: Measurement) -> list[str]:
    load = formatting.nanoseconds(item.load_ns) if item.load_ns is not None else summary.MISSING
    memory = formatting.size(item.memory_bytes) if item.memory_bytes is not None else summary.MISSING
    return [
        item.engine or summary.MISSING,
        str(item.threads),
        str(item.batch),
        formatting.nanoseconds(item.median_ns),
        formatting.milliseconds(item.percentile_ms(0.9)),
        formatting.nanoseconds(item.median_ns / item.batch),
        formatting.nanoseconds(min(item.samples_ns)),
        str(len(item.samples_ns)),
        load,
        memory,
    ]
