"""The figures 2 to 7 of the PQV-Mobile paper (Bhardwaj 2024), from one's own runs on one device.

Figure 2: latency and memory by pruning and precision. Figure 3: the operators that take the time. Figure 4: accuracy by
pruning and precision. Figure 5: accuracy by importance. Figure 6: two models at the same pruning. Figure 7: latency by
engine. Where several runs made the same, the newest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pqv_core import formatting
from pqv_core.comparison.charts import BarChart, Series
from pqv_core.comparison.rows import Chosen, Row, engine_name, importance, precision
from pqv_core.comparison.stored_runs import Comparison, StoredRun
from pqv_core.results import record as results
from pqv_core.schemes import has_quantized_layers

_MB = 1e6
_MOST_OPERATORS = 8

Find = Callable[[Row], float | None]


@dataclass(frozen=True)
class Figure:
    """One figure of the paper.

    Attributes:
        charts: What the runs hold of it; empty where they hold nothing.
        missing: What run would fill or complete it; empty where nothing is missing.
    """

    number: int
    title: str
    charts: tuple[BarChart, ...]
    missing: str = ""


TITLES = {
    2: "Latency and size by pruning and precision",
    3: "Slowest operators",
    4: "Accuracy by pruning and precision",
    5: "Accuracy by importance",
    6: "Models at the same pruning",
    7: "Latency by engine",
}
"""The figures that there are, by number."""


def figures(comparison: Comparison, *, device: str, rows: Iterable[Row] | None = None) -> list[Figure]:
    """The paper's figures on a device, of all rows or of ``rows``."""
    here = [row for row in (comparison.rows if rows is None else rows) if row.device == device]
    return [figure(comparison, number, device=device, rows=here) for number in TITLES]


def figure(comparison: Comparison, number: int, *, device: str, rows: Iterable[Row]) -> Figure:
    """One of the figures on a device, of these rows."""
    here = [row for row in rows if row.device == device and row.batch == 1]
    if number == 7:
        wanted = {row.run for row in here if row.target == results.LOCAL}
        return _engines(here, [run for run in comparison.runs if run.directory.name in wanted])
    return _FIGURES[number](here)


# values ------------------------------------------------------------------------------------------------------


def _latency(row: Row) -> float | None:
    return row.median_ms


def _size(row: Row) -> float | None:
    return row.size_bytes / _MB


def _memory(row: Row) -> float | None:
    return row.memory_bytes / _MB if row.memory_bytes is not None else None


def _top1(row: Row) -> float | None:
    return 100 * row.top1 if row.top1 is not None else None


# what is set side by side ------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a row stands in a figure: its category, and its series."""

    category: Hashable
    series: Hashable


def _chart(
    key: str, title: str, unit: str, rows: Sequence[tuple[_Place, Row]], find: Find, *, words: tuple[Words, Words]
) -> BarChart:
    """Bars of the rows that have the value; of those in one place the last one counts."""
    values = {place: value for place, row in rows if (value := find(row)) is not None}
    details = {place: _detail(row, find) for place, row in rows}
    categories = _sorted(place.category for place in values)
    series = tuple(
        Series(
            words[1](name),
            tuple(values.get(_Place(category, name)) for category in categories),
            tuple(details.get(_Place(category, name), "") for category in categories),
        )
        for name in _sorted(place.series for place in values)
    )
    return BarChart(key, title, unit, tuple(words[0](category) for category in categories), series)


def _detail(row: Row, find: Find) -> str:
    return f"{row.words} · {row.accuracy_words}" if find is _top1 else row.words


Words = Callable[[Hashable], str]


def _sorted(found: Iterable[Hashable]) -> list[Hashable]:
    return sorted(dict.fromkeys(found), key=lambda key: key if isinstance(key, tuple) else (str(key),))


def _filled(*charts: BarChart) -> tuple[BarChart, ...]:
    return tuple(chart for chart in charts if chart.categories)


def _ordered(rows: Iterable[Row]) -> list[Row]:
    """Oldest first, so that the newest is the last to take a place."""
    return sorted(rows, key=lambda row: (row.number, row.run))


def _families(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The importances with which each model was pruned; one that was not pruned has an empty one."""
    found: dict[str, list[str]] = {}
    for row in rows:
        known = found.setdefault(row.model, [])
        if row.importance and row.importance not in known:
            known.append(row.importance)
    return {model: known or [""] for model, known in found.items()}


def _by_compression(rows: Sequence[Row], *, by_threads: bool = False) -> list[tuple[_Place, Row]]:
    """Categories: both baselines, then by ratio and precision. Series: model and importance, and the threads if asked.

    What was not pruned belongs to every importance of its model.
    """
    families = _families(rows)
    placed = []
    for row in _ordered(rows):
        threads = row.threads or 0 if by_threads else 0
        step = _step(row)
        for how in [row.importance] if row.importance else families[row.model]:
            placed.append((_Place(step, (row.model, how, threads)), row))
    return placed


def _step(row: Row) -> tuple[Hashable, ...]:
    """Baselines first, the published one before the fairest; then by what was done."""
    if row.artifact.is_baseline:
        return (0, not row.artifact.is_published, row.artifact.label)
    return (1, row.ratio, row.precision)


def _step_words(step: Hashable) -> str:
    assert isinstance(step, tuple)
    if step[0] == 0:
        return str(step[-1])
    cut = f", {formatting.percent(step[1])} pruned" if step[1] else ""
    return f"{precision(step[2])}{cut}"


def _family_words(rows: Sequence[Row]) -> Words:
    """A model's name, with the importance where it was pruned by several, and the threads where they differ."""
    families, several = _families(rows), _several_threads(rows)

    def words(series: Hashable) -> str:
        assert isinstance(series, tuple)
        model, how, threads = series
        name = f"{model}, {importance(how)}" if len(families.get(model, ())) > 1 and how else str(model)
        return _with_threads(name, threads, several)

    return words


def _several_threads(rows: Iterable[Row], *more: int) -> bool:
    """Whether latencies of different numbers of threads have to be told apart."""
    return len({row.threads for row in rows if row.threads}.union(more)) > 1


def _with_threads(words: str, threads: int, several: bool) -> str:
    """The words, with the number of threads where there are several; 0 where the number does not matter."""
    return f"{words}, {formatting.counted(threads, 'thread')}" if several and threads else words


# the figures -------------------------------------------------------------------------------------------------


def _latency_and_size(rows: Sequence[Row]) -> Figure:
    measured = [row for row in rows if row.measurement is not None]
    files, runs = _by_compression(measured), _by_compression(measured, by_threads=True)
    words = (_step_words, _family_words(measured))
    charts = _filled(
        _chart("figure2-latency", "Latency, median", "ms", runs, _latency, words=words),
        _chart("figure2-size", "File size", "MB", files, _size, words=words),
        _chart("figure2-memory", "Memory", "MB", runs, _memory, words=words),
    )
    ratios = {row.ratio for row in rows if row.is_result and row.measurement is not None}
    missing = ""
    if not charts:
        missing = "Measure a run’s files on this device."
    elif len(ratios) < 2:
        missing = "Run the project with other pruning ratios too (the paper has 0, 9.375, 25 and 50 %)."
    return Figure(2, TITLES[2], charts, missing)


def _operators(rows: Sequence[Row]) -> Figure:
    profiled = [row for row in _ordered(rows) if row.operator_times and row.is_result]
    if not profiled:
        missing = "Measure a run with “Profile operators” switched on."
        return Figure(3, TITLES[3], (), missing)
    row = max(profiled, key=lambda row: (row.number, row.run, row.stands))
    total = sum(item.ns for item in row.operator_times) or 1
    longest = sorted(row.operator_times, key=lambda item: -item.ns)[:_MOST_OPERATORS]
    series = Series(
        _with_threads(row.words, row.threads or 0, _several_threads(profiled)),
        tuple(100 * item.ns / total for item in longest),
        tuple(f"{formatting.nanoseconds(item.ns)} in {item.calls:,} calls" for item in longest),
    )
    title = "Share of the time of an inference"
    chart = BarChart("figure3-operators", title, "%", tuple(item.name for item in longest), (series,))
    return Figure(3, TITLES[3], (chart,))


def _accuracy(rows: Sequence[Row]) -> Figure:
    placed = [
        (place, row)
        for place, row in _by_compression(rows)
        if row.artifact.is_published or not row.artifact.is_baseline
    ]
    words = (_step_words, _family_words(rows))
    charts = _filled(_chart("figure4-accuracy", "Top-1 accuracy", "%", placed, _top1, words=words))
    ratios = {row.ratio for row in rows if row.is_result and row.top1 is not None}
    missing = ""
    if not charts:
        missing = "Run the project with validation images."
    elif len(ratios) < 2:
        missing = "Run the project with other pruning ratios too (the paper has 9.375, 25 and 50 %)."
    return Figure(4, TITLES[4], charts, missing)


def _importance(rows: Sequence[Row]) -> Figure:
    known = [row for row in _ordered(rows) if row.importance and row.top1 is not None]
    placed = [(_Place((row.importance,), (row.model, row.ratio, row.precision)), row) for row in known]

    def series(key: Hashable) -> str:
        assert isinstance(key, tuple)
        return f"{key[0]}, {formatting.percent(key[1])} pruned, {precision(key[2])}"

    def category(key: Hashable) -> str:
        assert isinstance(key, tuple)
        return importance(key[0])

    charts = _filled(_chart("figure5-importance", "Top-1 accuracy", "%", placed, _top1, words=(category, series)))
    missing = ""
    if len({row.importance for row in known}) < 2:
        missing = "Run the project with validation images and several importances at one ratio: Taylor, L1, Hessian."
    return Figure(5, TITLES[5], charts, missing)


def _models(rows: Sequence[Row]) -> Figure:
    known = [row for row in _ordered(rows) if row.is_result and row.model]
    files = [(_Place((row.ratio, row.precision), (row.model, 0)), row) for row in known]
    runs = [(_Place((row.ratio, row.precision), (row.model, row.threads or 0)), row) for row in known]

    several = _several_threads(known)

    def category(key: Hashable) -> str:
        return _step_words((1, *key) if isinstance(key, tuple) else key)

    def series(key: Hashable) -> str:
        assert isinstance(key, tuple)
        return _with_threads(key[0], key[1], several)

    charts = _filled(
        _chart("figure6-latency", "Latency, median", "ms", runs, _latency, words=(category, series)),
        _chart("figure6-accuracy", "Top-1 accuracy", "%", files, _top1, words=(category, series)),
    )
    missing = ""
    if len({row.model for row in known}) < 2:
        missing = "Run the project with a second model, pruned as much (Model page), to compare the two."
    return Figure(6, TITLES[6], charts, missing)


def _engines(rows: Sequence[Row], runs: Sequence[StoredRun]) -> Figure:
    known = [row for row in _ordered(rows) if row.is_result and row.is_int8 and row.engine]
    several = _several_threads(known, *(run.record.environment.threads for run in runs))
    values: dict[tuple[str, str], tuple[float, str]] = {}
    for run in runs:
        values.update(_tried(run, several))
    for row in known:
        if row.median_ms is not None:
            made = _made(row.model, row.ratio, row.precision)
            values[_with_threads(made, row.threads or 0, several), row.engine] = (row.median_ms, row.words)
    engines, series = (list(dict.fromkeys(sorted(key[place] for key in values))) for place in (1, 0))
    chart = BarChart(
        "figure7-engines",
        "Latency, median",
        "ms",
        tuple(map(engine_name, engines)),
        tuple(
            Series(
                name,
                tuple(values[name, engine][0] if (name, engine) in values else None for engine in engines),
                tuple(values[name, engine][1] if (name, engine) in values else "" for engine in engines),
            )
            for name in series
        ),
    )
    missing = ""
    if len(engines) < 2:
        missing = "Run the project in INT8 with the engine Auto: it measures every engine of this computer."
    return Figure(7, TITLES[7], _filled(chart), missing)


def _made(model: str, ratio: float, kind: str) -> str:
    return f"{model}, {_step_words((1, ratio, kind))}"


def _tried(run: StoredRun, several: bool) -> dict[tuple[str, str], tuple[float, str]]:
    """What each engine took when the run chose one by measuring, with its own number of threads."""
    chosen = Chosen.of(run.record)
    quantized = [variant for variant in run.record.results if has_quantized_layers(variant.precision)]
    if not quantized:
        return {}
    made = _made(chosen.model, chosen.ratio, quantized[0].precision)
    name = _with_threads(made, run.record.environment.threads, several)
    medians = [
        (item.median_ns, item.engine)
        for variant in quantized
        for item in variant.candidates
        if item.engine not in ("", "none") and item.median_ns is not None
    ]
    return {  # an engine may have been tried in several ways: its best stays
        (name, engine): (median_ns / 1e6, f"{run.title} · measured to choose the engine")
        for median_ns, engine in sorted(medians, reverse=True)
    }


_FIGURES = {2: _latency_and_size, 3: _operators, 4: _accuracy, 5: _importance, 6: _models}
