"""The columns of a table of rows: the same in the window, in a report and in a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pqv_core import formatting, labels
from pqv_core.comparison.rows import Row, engine_name, importance
from pqv_core.results import artifacts, summary

_SETTINGS = ("model", "precision", "ratio", "importance", "merged", "engine", "threads", "batch", "images")
"""Columns of what was asked for; what was measured stands in the others."""

_SEARCHED = "*"  # where the words of all columns are kept

Value = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        unit: Unit of the plain values, for a CSV file; empty for words and shares.
        find: The plain value, by which rows are sorted; None where there is none.
        say: The value as a person reads it.
        doubts: Whether the value of a row is not to be trusted, and is greyed.
    """

    key: str
    head: str
    find: Callable[[Row], Value]
    say: Callable[[Row], str]
    tip: str = ""
    unit: str = ""
    figure: bool = True
    doubts: Callable[[Row], bool] = lambda row: False

    def text(self, row: Row) -> str:
        """What stands in the cell; it is kept, for a large table asks often."""
        if self.key not in row.texts:
            value = self.find(row)
            row.texts[self.key] = summary.MISSING if value is None or value == "" else self.say(row)
        return row.texts[self.key]


def _words(key: str, head: str, find: Callable[[Row], str], tip: str = "") -> Column:
    return Column(key, head, find, find, tip, figure=False)


def _number(
    key: str,
    head: str,
    find: Callable[[Row], float | int | None],
    say: Callable[[float], str],
    tip: str = "",
    unit: str = "",
) -> Column:
    def words(row: Row) -> str:
        value = find(row)
        return summary.MISSING if value is None else say(value)

    return Column(key, head, find, words, tip, unit, figure=key not in _SETTINGS)


def _accuracy(row: Row) -> str:
    if row.accuracy is None:
        return ""
    return formatting.with_error(row.accuracy.top1, row.accuracy.top1_error) + ("*" if row.accuracy_elsewhere else "")


def _median(row: Row) -> str:
    return formatting.milliseconds(row.median_ms or 0.0) + (" ⚠" if row.remarks else "")


def _over(key: str, head: str, base: str, name: str) -> Column:
    """How many times faster than a baseline; marked where one of the two was disturbed."""

    def say(row: Row) -> str:
        return formatting.ratio(row.speedups.get(base) or 0.0) + (" ⚠" if row.doubts(base) else "")

    tip = f"Speed-up over {name}; – if the two were not measured together"
    return Column(key, head, lambda row: row.speedups.get(base), say, tip, "×", doubts=lambda row: row.doubts(base))


def _outside(row: Row) -> str:
    calls = f"{row.delegation.calls:,}" if row.delegation else ""
    return f"{calls} ({formatting.percent(row.share_outside)})" if row.share_outside else calls


def footnotes(rows: Sequence[Row]) -> list[str]:
    """What the marks in a table of these rows mean."""
    found = []
    if any(row.accuracy_elsewhere for row in rows):
        found.append("* Measured with the same file on the computer, not on this device.")
    if any(row.remarks or any(map(row.doubts, row.speedups)) for row in rows):
        found.append("⚠ Unstable: the samples spread or drift too much. Measure again when the machine is idle.")
    found += dict.fromkeys(
        f"{row.words}: {row.delegation.left} outside of delegates."
        for row in rows
        if row.delegation is not None and row.delegation.outside
    )
    return found


COLUMNS = (
    _words("run", "Run", lambda row: row.title),
    _words("state", "State", lambda row: labels.state(row.state), "How the run is, or how it ended"),
    _words("model", "Model", lambda row: row.model),
    _words("artefact", "File", lambda row: row.artifact.label, "Role of the file in the run"),
    _words("precision", "Precision", lambda row: row.precision_words),
    _number(
        "ratio",
        "Pruned",
        lambda row: row.ratio or None,
        formatting.percent,
        "Share of each width, or of parameters",
    ),
    _words("importance", "Importance", lambda row: importance(row.importance) if row.importance else ""),
    _words("merged", "Merged tokens", lambda row: row.merged),
    _words("engine", "Engine", lambda row: engine_name(row.engine) if row.engine else ""),
    _words("device", "Device", lambda row: row.device),
    _number("threads", "Threads", lambda row: row.threads, lambda value: f"{value:,.0f}"),
    _number(
        "batch",
        "Batch",
        lambda row: row.batch if row.batch > 1 else None,
        lambda value: f"{value:,.0f}",
        "Images per inference",
    ),
    Column(
        "top1",
        "Top-1",
        lambda row: row.top1,
        _accuracy,
        "Accuracy ± standard error; * measured on the computer",
    ),
    _number("images", "Images", lambda row: row.images, lambda value: f"{value:,.0f}", "Images behind the accuracy"),
    Column("median_ms", "Median", lambda row: row.median_ms, _median, "Median; ⚠ unstable", "ms"),
    _number("p90_ms", "p90", lambda row: row.p90_ms, formatting.milliseconds, "90th percentile latency", "ms"),
    _over("over_paper", "Over paper’s", artifacts.PAPER.key, "the paper’s FP32 Lite file"),
    _over("over_fastest", "Over fastest", artifacts.FAIREST.key, "the fastest FP32 file"),
    _number("size_bytes", "Size", lambda row: row.size_bytes, formatting.size, "File size", "bytes"),
    _number(
        "memory_bytes",
        "Memory",
        lambda row: row.memory_bytes,
        formatting.size,
        "Peak memory added to a clean process",
        "bytes",
    ),
    _number("params", "Parameters", lambda row: row.params, lambda value: formatting.count(round(value))),
    _number(
        "delegates",
        "Delegates",
        lambda row: row.delegation.count if row.delegation else None,
        lambda value: f"{value:,.0f}",
        "Parts of the file that a backend computes, each as a whole",
    ),
    Column(
        "outside",
        "Outside",
        lambda row: row.delegation.calls if row.delegation else None,
        _outside,
        "Operators outside of delegates, and their share of an inference where it was profiled",
    ),
)


def spell_out(rows: Iterable[Row]) -> None:
    """Make all that a table and the charts say of these rows, so that nobody has to wait for it later."""
    for row in rows:
        for column in COLUMNS:
            column.text(row)
        searched(row)
        _ = row.key, row.spread, row.words, row.groups


def searched(row: Row) -> str:
    """All words of a row, in small letters, among which a person searches."""
    if _SEARCHED not in row.texts:
        row.texts[_SEARCHED] = " ".join(column.text(row) for column in COLUMNS).lower()
    return row.texts[_SEARCHED]


def distinct(column: Column, rows: Iterable[Row]) -> set[str]:
    """The different texts of a column."""
    key, text = column.key, column.text
    return {row.texts.get(key) or text(row) for row in rows}


def varied(
    columns: Sequence[Column], rows: Sequence[Row], *, seen: Callable[[Column, Iterable[Row]], set[str]] = distinct
) -> tuple[list[Column], list[tuple[str, str]]]:
    """The columns worth a place in a table of these rows; and the settings that all rows share, with their heads.

    Columns in which there is nothing are left out.
    """
    shown: list[Column] = []
    shared: list[tuple[str, str]] = []
    for column in columns:
        texts = seen(column, rows)
        if texts == {summary.MISSING}:
            continue
        if len(texts) == 1 and len(rows) > 1 and column.key in _SETTINGS:
            shared.append((column.head, next(iter(texts))))
        else:
            shown.append(column)
    return shown, shared
