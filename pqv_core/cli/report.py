"""Tables and sentences about projects, runs and measurements, for a terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pqv_core import formatting, labels
from pqv_core.cli.console import console, say_problems
from pqv_core.config import RunConfig
from pqv_core.errors import ConfigError, UsageError
from pqv_core.formats import FORMATS
from pqv_core.process.machine import Machine
from pqv_core.project import project_file as projects
from pqv_core.project.new_config import NewConfig
from pqv_core.results import artifacts, budgets, delegations, operators, select, stability, summary, wait_policy
from pqv_core.results import record as results
from pqv_core.results.delegations import DelegationRow
from pqv_core.results.record import LayerSensitivity, RunRecord, Variant
from pqv_core.schemes import has_groups

_LAYERS = 8


def _plain_table(*heads: str, left: int = 1, title: str | None = None) -> Table:
    """A table without frames; the first ``left`` columns are text, the others figures."""
    table = Table(box=None, padding=(0, 1, 0, 0), title=title, title_justify="left", title_style="bold")
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < left else "right", vertical="bottom")
    return table


def say_new(project: Path, made: NewConfig) -> None:
    """A project was made: what was chosen for the person, and what comes next."""
    out = console()
    out.print(f"Made {project}: {describe(made.config)}.")
    for note in (*made.images, *made.notes):
        out.print(f"  {note}")
    out.print(f"Next: pqv run {shlex.quote(str(project))}")


def describe(config: RunConfig) -> str:
    """What a run does, in a line."""
    steps = [config.model.name]
    if config.prune.enabled:
        to = "to " if config.budget.is_set else ""
        steps.append(f"prune {to}{config.cut_words} by {config.prune.importance}")
    if config.tokens.enabled:
        steps.append(f"merge {config.tokens.words}")
    if config.tuning_words:
        steps.append(f"fine-tune {config.tuning_words}")
    engine = f" ({config.quantize.engine})" if config.uses_engine else ""
    groups = f", groups of {config.quantize.group}" if config.quantize.scheme.has_groups else ""
    return ", ".join([*steps, f"{config.quantize.precision}{groups}{engine}"])


def say_run(project: Path, run: str, *, as_json: bool) -> None:
    """A run is complete: before and after, warnings, and where the file lies."""
    directory = projects.runs_directory(project) / run
    record = results.load(directory)
    out = console(as_json=as_json)
    _print_record(out, record)
    for result in record.results:
        out.print(f"The file: {directory / result.file}", soft_wrap=True)


def _print_record(out: Console, record: RunRecord) -> None:
    for target in summary.targets(record):
        for result in record.results or (None,):
            rows = summary.rows(record, target=target, result=result)
            if rows:
                out.print(_table(record, rows, target, result))
    profiled = [variant for variant in record.in_order if variant.operators]
    if profiled:
        out.print(_operators_table(profiled))
    if delegated := delegations.rows(record):
        out.print(_delegation_table(delegated))
    if record.sensitivity:
        out.print(_sensitivity_table(record.sensitivity))
    for verdict in budgets.verdicts(record):
        out.print(verdict)
    unlike = [note for target in summary.targets(record) for note in summary.notes(record, target=target)]
    for note in [*record.warnings, *unlike, *_as_published(record), *_unsteady(record)]:
        out.print(f"Note: {note}", style="yellow")


def _as_published(record: RunRecord) -> Iterator[str]:
    """How long the paper's baseline takes where its threads spin, if that is not the figure that counts."""
    for variant in record.in_order:
        if note := wait_policy.as_published(variant.artifact, variant.measurements):
            yield f"{variant.label}, {note}."


def _unsteady(record: RunRecord) -> Iterator[str]:
    """Latencies shown that are not to be trusted, and why; those with the same reason together."""
    found: dict[str, list[str]] = {}
    for target in summary.targets(record):
        where = "" if target == results.LOCAL else f" on {target}"
        shown = select.shown(record, target=target)
        for variant in [variant for variant in record.in_order if variant.key in shown]:
            for remark in stability.remarks(shown[variant.key]):
                found.setdefault(remark, []).append(f"{variant.label}{where}")
    for remark, names in found.items():
        yield f"{'; '.join(dict.fromkeys(names))}: {remark}."


def _sensitivity_table(layers: Sequence[LayerSensitivity]) -> Table:
    """The layers whose quantization alone changes the logits most."""
    table = _plain_table("Layer", "Logit error", "", title=f"The most sensitive of {len(layers):,} layers")
    for layer in [layer for index, layer in enumerate(layers) if index < _LAYERS or layer.kept]:
        table.add_row(layer.name, f"{layer.relative:.2e}", layer.spared)
    return table


def _operators_table(variants: list[Variant]) -> Table:
    """Where an inference spends its time, by group of operators."""
    groups = [operators.by_group(variant.operators) for variant in variants]
    table = _plain_table("Operators", *[variant.label for variant in variants], title="Where the time goes")
    for name in operators.GROUPS:
        if any(name in found for found in groups):
            cells = [_part(found.get(name, 0), sum(found.values())) for found in groups]
            table.add_row(name, *cells)
    return table


def _delegation_table(rows: Sequence[DelegationRow]) -> Table:
    """Who computes what in the files."""
    table = _plain_table("File", "Delegated", "Outside of delegates", "Its cost", left=4, title="Delegation")
    for row in rows:
        table.add_row(row.file, row.delegated, row.left, row.cost or summary.MISSING)
    return table


def _part(ns: int, total: int) -> str:
    return f"{formatting.nanoseconds(ns)} ({formatting.percent(ns / total)})" if ns else summary.MISSING


def _table(record: RunRecord, rows: list[summary.SummaryRow], target: str, result: Variant | None) -> Table:
    """The figures of a result, of what lies before it in its format, and of what it is compared with."""
    fairest = select.fairest(record, target=target)
    bases = [base for base in record.baselines if base.artifact.is_published or base is fairest]
    formats = {result.artifact.format} if result else {variant.artifact.format for variant in record.variants}
    wanted = [variant for variant in record.in_order if variant in bases or variant.artifact.format in formats]
    shown = [variant for variant in wanted if any(row.values[variant.key] is not None for row in rows)]
    gains = [f"Gain over {base.label}" for base in bases]
    heads = [_head(variant, record) for variant in shown]
    table = _plain_table("", *heads, *gains, title=_title(record, target))
    for row in rows:
        gained = [_gain(row, base.key) for base in bases]
        table.add_row(row.label, *[row.text(variant.key) for variant in shown], *gained)
    return table


def _gain(row: summary.SummaryRow, over: str) -> Text:
    gain = row.gain(over)
    return _doubted(gain) if over in row.unsteady and gain != summary.MISSING else Text(gain)


def _doubted(ratio: str) -> Text:
    """A ratio of samples that were disturbed; why is said below the table."""
    return Text(f"{ratio} ⚠", style="dim")


def _title(record: RunRecord, target: str) -> str:
    setting = select.setting(record, target=target)
    threads = f", {setting.words}" if setting else ""
    name = record.config.get("model", {}).get("name", "")
    return f"{name} · {record.environment.processor if target == results.LOCAL else target}{threads}"


def _head(variant: Variant, record: RunRecord) -> str:
    if not variant.artifact.is_result:
        return variant.label
    group = record.config.get("quantize", {}).get("group")
    groups = f", groups of {group}" if group and has_groups(variant.precision) else ""
    engine = f" ({variant.engine})" if variant.engine not in ("", "none") else ""
    return f"{variant.label}, {variant.precision}{groups}{engine}"


def say_machine(machine: Machine, *, as_json: bool) -> None:
    """What a computer is and can do."""
    here = machine.environment
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("PQV-Mobile", f"{here.pqv}, Python {here.python}, {here.system}")
    table.add_row("Processor", f"{here.processor}, {here.cores:,} cores, {here.cpu_capability}")
    table.add_row("Memory", formatting.size(here.memory_bytes))
    table.add_row("Threads", str(here.threads))
    table.add_row("Versions", ", ".join(f"{name} {version}" for name, version in here.versions.items()))
    for engine, why in machine.engines.items():
        table.add_row(f"Engine {engine}", f"no: {why}" if why else "works")
    for info in FORMATS.values():
        table.add_row(f"Files, {info.suffix}", " ".join(info.missing() or ("are written and run here.",)))
        table.add_row(f"Android, {info.suffix}", f"runtimes {', '.join(info.runtimes())}")
    console(as_json=as_json).print(table)


def show(project: Path, *, as_json: bool) -> None:
    """Print a project, its runs, and the figures of the newest run that has any.

    Raises:
        ProjectError: The project cannot be read.
    """
    content = projects.load(project)
    records, problems = results.load_all(projects.runs_directory(project))
    if as_json:
        print(json.dumps({"type": "project", "path": str(project.resolve()), **content.model_dump(mode="json")}))
        for record in records:
            print(json.dumps(_plain_run(record)))
    out = console(as_json=as_json)
    say_problems(problems)
    if as_json:
        return
    out.print(f"{project}: {describe(content.config)}.", soft_wrap=True)
    if not records:
        out.print(f"No runs yet. Next: pqv run {shlex.quote(str(project))}")
        return
    out.print(_runs_table(records))
    for record in records:
        if record.error is not None:
            out.print(f"{record.id}: {record.error.message} {record.error.action}".rstrip(), style="yellow")
    newest = next((record for record in reversed(records) if record.variants), None)
    if newest is not None:
        out.print(f"Run {newest.id}:")
        _print_record(out, newest)


def write(project: Path, out: Path | None, form: str, *, runs: Sequence[str], as_json: bool) -> None:
    """Write a report and say where it is.

    Raises:
        PqvError: The project cannot be read, the form is not known, or the file cannot be written.
    """
    from pqv_core.report import write as report

    kind = next((known for known in report.FORMATS if known == form), None)
    if kind is None:
        raise UsageError(f"Unknown report format: {form!r}.", action=f"Choose one of {', '.join(report.FORMATS)}.")
    projects.load(project)
    path = out or report.default_path(project, kind)
    found = report.write(project, path, kind=kind, runs=runs)
    say_problems(found.problems)
    if as_json:
        print(json.dumps({"type": "report", "format": kind, "path": str(path.resolve()), "runs": len(found.runs)}))
    else:
        runs_text = formatting.counted(len(found.runs), "run")
        devices_text = formatting.counted(len(found.devices), "device")
        console().print(f"Saved to {path}: {runs_text}, {devices_text}.", soft_wrap=True)


def _plain_run(record: RunRecord) -> dict[str, Any]:
    rows = {
        target: [row.as_json() for row in summary.rows(record, target=target)] for target in summary.targets(record)
    }
    here, *phones = [(target, {"summary": row, **_plain_setting(record, target)}) for target, row in rows.items()]
    return {
        "type": "run",
        **here[1],
        "phones": dict(phones),
        "budget": budgets.verdicts(record),
        "record": record.model_dump(mode="json"),
    }


def _plain_setting(record: RunRecord, target: str) -> dict[str, Any]:
    """The setting in which a run is shown on a target, and the speed-ups in it; null where there is none."""
    setting = select.setting(record, target=target)
    return {
        "setting": setting and {"threads": setting.threads, "batch": setting.batch, "loop": setting.loop},
        "speedup_over": {base.key: select.speedup(record, over=base.key, target=target) for base in record.baselines},
    }


def _runs_table(records: list[RunRecord]) -> Table:
    heads = ("Run", "State", "What", "On", "Top-1", "Latency", "Size", "Over paper’s", "Over fastest")
    table = _plain_table(*heads, left=4)
    found = [(record, select.headline(record)) for record in records]
    shown = [{row.figure.key: row for row in summary.rows(record, target=target)} for record, target in found]
    images = {row.images.get(row.result) for rows in shown if (row := rows.get("top1"))} - {None}
    for (record, target), rows in zip(found, shown, strict=True):
        cells = [_cell(rows.get(key), images) for key in ("top1", "latency_median_s", "size_bytes")]
        where = labels.target(target)
        table.add_row(record.id, record.state, _what(record), where, *cells, *_speedups(record, target))
    return table


def _cell(row: summary.SummaryRow | None, images: Set[int | None]) -> str:
    """What a row says of the compressed file; with the number of images where the runs have several."""
    text = row.text(row.result) if row is not None else summary.MISSING
    count = row.images.get(row.result) if row is not None else None
    return f"{text} (n = {count:,})" if count and len(images) > 1 and "(n =" not in text else text


def _what(record: RunRecord) -> str:
    try:
        return describe(RunConfig.parse(record.config))
    except ConfigError:
        return summary.MISSING


def _speedups(record: RunRecord, target: str) -> list[Text]:
    shown, found = select.shown(record, target=target), []
    fairest = select.fairest(record, target=target)
    for base in (artifacts.PAPER.key, fairest.key if fairest else artifacts.FAIREST.key):
        value = select.speedup(record, over=base, target=target)
        text = formatting.ratio(value) if value is not None else summary.MISSING
        unsteady = value is not None and select.doubtful(shown.get(base), select.of_result(record, target=target))
        found.append(_doubted(text) if unsteady else Text(text))
    return found
