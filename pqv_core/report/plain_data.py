"""A comparison as plain data (JSON) and as a table (CSV)."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from typing import Any

from pqv_core.comparison import Comparison, Row, StoredRun
from pqv_core.comparison.charts import Chart
from pqv_core.comparison.columns import COLUMNS
from pqv_core.comparison.figures import figures
from pqv_core.comparison.views import views

SCHEMA_VERSION = 1
_UNSTABLE = "Unstable"
_RUN_ID = "Run ID"
_FORMULA = ("=", "+", "-", "@")


def plain(comparison: Comparison, *, project: str) -> dict[str, Any]:
    """Everything: runs with config and environment, rows with raw samples, charts and figures of each device."""
    return {
        "type": "report",
        "schema_version": SCHEMA_VERSION,
        "project": project,
        "problems": list(comparison.problems),
        "runs": [_run(run) for run in comparison.runs],
        "rows": [_row(row) for row in comparison.rows],
        "devices": [
            {
                "name": device,
                "charts": [_chart(chart) for chart in views(comparison.rows, device=device)],
                "figures": [
                    {
                        "number": figure.number,
                        "title": figure.title,
                        "missing": figure.missing,
                        "charts": [_chart(chart) for chart in figure.charts],
                    }
                    for figure in figures(comparison, device=device)
                ],
            }
            for device in comparison.devices
        ],
    }


def _run(run: StoredRun) -> dict[str, Any]:
    record = run.record.model_dump(include={"created", "finished", "state", "config", "environment"})
    more = run.record.model_dump(include={"stages", "warnings", "error"})
    return {"run": run.directory.name, "name": run.label.name, "note": run.label.note, **record, **more}


def _row(row: Row) -> dict[str, Any]:
    values = {column.key: column.find(row) for column in COLUMNS}
    values |= {"run": row.run, "name": row.name, "artefact": row.artifact.key, "precision": row.precision}
    values |= {"importance": row.importance, "engine": row.engine, "ratio": row.ratio}
    return {
        **values,
        "file": row.file,
        "target": row.target,
        "macs": row.macs,
        "accuracy": row.accuracy.model_dump() if row.accuracy else None,
        "accuracy_of_the_computer": row.accuracy_elsewhere,
        "measurement": row.measurement.model_dump(exclude={"operators"}) if row.measurement else None,
        "delegation": row.delegation.model_dump() if row.delegation else None,
        "share_outside": row.share_outside,
        "operators": [item.model_dump() for item in row.operator_times],
        "operator_groups_ns": row.groups,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return dataclasses.asdict(chart)


def table(rows: Iterable[Row]) -> str:
    """The rows as CSV with plain figures in the units of the heads, why a latency cannot be trusted, and the run."""
    heads = [f"{column.head} [{column.unit}]" if column.unit else column.head for column in COLUMNS]
    values = ([*(column.find(row) for column in COLUMNS), "; ".join(row.remarks), row.run] for row in rows)
    return csv_text([*heads, _UNSTABLE, _RUN_ID], values)


def chart_table(chart: Chart) -> str:
    """The figures of a chart as CSV."""
    heads, rows = chart.table()
    return csv_text(heads, rows)


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file; what a spreadsheet would take for a formula is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(head) for head in heads])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace").decode()


def _cell(value: object) -> object:
    if isinstance(value, str):
        line = "".join(letter if letter.isprintable() else " " for letter in value)
        return f"'{line}" if line.startswith(_FORMULA) else line
    return "" if value is None else value
