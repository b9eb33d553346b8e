"""The report as one HTML file that needs nothing from outside: no script, no picture, no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import jinja2

from pqv_core import formatting
from pqv_core.comparison import Comparison, Row, StoredRun
from pqv_core.comparison.columns import COLUMNS, footnotes, varied
from pqv_core.comparison.figures import figures
from pqv_core.comparison.views import views
from pqv_core.files.resource_files import resource
from pqv_core.report import caption, plain_data, svg
from pqv_core.results import budgets
from pqv_core.results.record import Environment


def html(comparison: Comparison, *, project: str) -> str:
    """The report. Everything that is shown is escaped, whoever wrote it.

    Args:
        project: The project's name.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(resource("report", "report.html").read_text(encoding="utf-8"))
    whole = json.dumps(plain_data.plain(comparison, project=project), allow_nan=False, separators=(",", ":"))
    rendered = template.render(
        project=project,
        stem=f"{project}-report",
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        version=caption.version(),
        problems=comparison.problems,
        runs=comparison.runs,
        rows=comparison.rows,
        devices=[_device(comparison, name) for name in comparison.devices],
        environments=_environments(comparison),
        drawn=svg.draw,
        svg_link=lambda chart, below: _link(svg.standalone(chart, caption=below), "image/svg+xml"),
        table_link=lambda chart: _link(plain_data.chart_table(chart), "text/csv"),
        remarks=_remarks,
        size=formatting.size,
        counted=formatting.counted,
        light=svg.variables(svg.LIGHT),
        dark=svg.variables(svg.DARK),
        rules=svg.RULES,
        json_link=_link(whole, "application/json"),
        csv_link=_link(plain_data.table(comparison.rows), "text/csv"),
        island=_island(whole),
    )
    return rendered.encode("utf-8", "replace").decode()


def _device(comparison: Comparison, name: str) -> dict[str, Any]:
    rows: list[Row] = [row for row in comparison.rows if row.device == name]
    shown, shared = varied([column for column in COLUMNS if column.key != "device"], rows)
    return {
        "name": name,
        "caption": caption.of_runs(_runs_of(comparison, rows), device=name),
        "rows": rows,
        "columns": shown,
        "shared": shared,
        "footnotes": footnotes(rows),
        "charts": views(rows, device=name),
        "figures": figures(comparison, device=name),
    }


def _runs_of(comparison: Comparison, rows: Sequence[Row]) -> list[StoredRun]:
    names = {row.run for row in rows}
    return [run for run in comparison.runs if run.directory.name in names]


def _environments(comparison: Comparison) -> list[tuple[Environment, list[str]]]:
    """Each environment with the runs that were made in it."""
    found: dict[str, tuple[Environment, list[str]]] = {}
    for run in comparison.runs:
        environment = run.record.environment
        _, names = found.setdefault(repr(environment), (environment, []))
        names.append(run.title)
    return list(found.values())


def _remarks(run: StoredRun) -> list[str]:
    """What there is to say of a run: its note, whether its budget was met, its warnings, its error."""
    error = run.record.error.message if run.record.error else ""
    return [text for text in (run.label.note, *budgets.verdicts(run.record), *run.record.warnings, error) if text]


def _island(text: str) -> str:
    """JSON that cannot end its element, whatever it holds."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _link(text: str, kind: str) -> str:
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode('utf-8', 'replace')).decode()}"
