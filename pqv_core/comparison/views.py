"""What is compared of some rows on one device: Pareto front, speed-ups, size, memory, operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pqv_core import formatting
from pqv_core.comparison import pareto
from pqv_core.comparison.charts import BarChart, Chart, Point, ScatterChart, Series
from pqv_core.comparison.rows import Row, engine_name, importance
from pqv_core.results import artifacts, operators

_MB = 1e6


def views(rows: Iterable[Row], *, device: str) -> list[Chart]:
    """All charts of the rows of a device that have something to show."""
    kept = tuple(rows)
    made = (view(key, kept, device=device) for key in VIEWS)
    return [chart for chart in made if chart is not None]


def view(key: str, rows: Iterable[Row], *, device: str) -> Chart | None:
    """One of the charts; None where it has nothing to show."""
    here = [row for row in rows if row.device == device and row.batch == 1]
    chart = VIEWS[key](here, run_names(here))
    return chart if (chart.points if isinstance(chart, ScatterChart) else chart.categories) else None


def run_names(rows: Sequence[Row]) -> dict[str, str]:
    """A name for each run that tells it from the others: its own, else the settings that vary, else its title."""
    standing: dict[str, Row] = {}
    for row in rows:
        if row.is_result or row.run not in standing:
            standing[row.run] = row
    settings = {run: _settings(row) for run, row in standing.items()}
    vary = [len(set(values)) > 1 for values in zip(*settings.values(), strict=True)]
    made = {}
    for run, row in standing.items():
        different = [text for text, varies in zip(settings[run], vary, strict=True) if varies and text]
        made[run] = row.name or " · ".join(different) or (row.made if len(standing) == 1 else row.title)
    taken = Counter(made.values())
    return {run: name if taken[name] == 1 else standing[run].title for run, name in made.items()}


def _settings(row: Row) -> tuple[str, ...]:
    """What a run may differ in, in words."""
    cut = f"{formatting.percent(row.ratio)} pruned" if row.ratio else "not pruned"
    how = importance(row.importance) if row.importance else ""
    return row.model, row.precision_words, cut, how, row.merged, engine_name(row.engine) if row.engine else ""


def _artifact(row: Row, names: dict[str, str]) -> str:
    first = row.is_result and not _further(row)
    return names[row.run] if first else f"{names[row.run]}: {row.artifact.label}"


def _further(row: Row) -> bool:
    """Whether it is written in a further format of its run, which has a colour of its own."""
    return not artifacts.is_known(row.artifact.key)


def front(rows: Sequence[Row], names: dict[str, str]) -> ScatterChart:
    """Accuracy vs. latency, with the rows that no other one beats."""
    known = [(row, row.median_ms, row.top1) for row in rows]
    placed = [(row, ms, 100 * top1) for row, ms, top1 in known if ms is not None and top1 is not None]
    best = set(pareto.front([(ms, top1) for _, ms, top1 in placed]))
    several = len({row.threads for row, *_ in placed}) > 1
    points = tuple(
        Point(
            ms,
            top1,
            _with_threads(_artifact(row, names), row, several),
            _kind(row),
            row.spread,
            index in best,
            row.key,
            artifacts.colour(row.artifact.key),
        )
        for index, (row, ms, top1) in enumerate(placed)
    )
    return ScatterChart("pareto", "Accuracy vs. latency", "Latency, median", "ms", "Top-1", "%", points)


def _kind(row: Row) -> str:
    if not row.is_result:
        return row.artifact.label
    return f"{row.precision_words} ({row.artifact.format})" if _further(row) else row.precision_words


def _with_threads(words: str, row: Row, several: bool) -> str:
    return f"{words} · {formatting.counted(row.threads, 'thread')}" if several and row.threads else words


def speedups(rows: Sequence[Row], names: dict[str, str]) -> BarChart:
    """How many times faster the compressed artefacts are than both baselines."""
    shown = [row for row in rows if row.is_result and any(row.speedups.values())]
    several = len({row.threads for row in shown}) > 1
    details = tuple(row.spread for row in shown)
    series = tuple(
        Series(
            f"over {base.label}",
            tuple(row.speedups.get(base.key) for row in shown),
            details,
            doubts=tuple(row.doubts(base.key) for row in shown),
            colour=artifacts.colour(base.key),
        )
        for base in (artifacts.PAPER, artifacts.FAIREST)
    )
    categories = tuple(_with_threads(_artifact(row, names), row, several) for row in shown)
    return BarChart("speedup", "Speed-up of the compressed file", "×", categories, series, base=1.0, below="slower")


def sizes(rows: Sequence[Row], names: dict[str, str]) -> BarChart:
    """File sizes, run by run."""
    return _by_artifact("size", "File size", rows, names, lambda row: row.size_bytes / _MB)


def memory(rows: Sequence[Row], names: dict[str, str]) -> BarChart:
    """What the files take of memory, run by run, each with the number of threads with which it is shown."""
    standing = {row.run: row for row in rows if row.stands and row.memory_bytes is not None}
    several = len({row.threads for row in standing.values()}) > 1
    named = {run: _with_threads(name, standing[run], several) for run, name in names.items() if run in standing}

    def find(row: Row) -> float | None:
        return row.memory_bytes / _MB if row.stands and row.memory_bytes is not None else None

    return _by_artifact("memory", "Memory", rows, named, find)


def _by_artifact(
    key: str, title: str, rows: Sequence[Row], names: dict[str, str], find: Callable[[Row], float | None]
) -> BarChart:
    """A category a run, a series an artefact."""
    kept = [row for row in rows if not row.artifact.is_published]  # as large as the fairest baseline
    values = {(row.run, row.artifact.label): value for row in kept if (value := find(row)) is not None}
    known = {run for run, _ in values}
    runs = [run for run in names if run in known]
    colours = {row.artifact.label: artifacts.colour(row.artifact.key) for row in kept}
    series = tuple(
        Series(label, tuple(values.get((run, label)) for run in runs), colour=colours[label])
        for label in artifacts.ordered(label for _, label in values)
    )
    return BarChart(key, title, "MB", tuple(names[run] for run in runs), series)


def profiles(rows: Sequence[Row], names: dict[str, str]) -> BarChart:
    """The time of an inference by group of operators, side by side."""
    shown = [row for row in rows if row.operator_times and (row.is_result or row.artifact.is_fairest)]
    several = len({row.threads for row in shown}) > 1
    categories = tuple(_with_threads(_artifact(row, names), row, several) for row in shown)
    series = tuple(
        Series(group, tuple(row.groups.get(group, 0) / 1e6 for row in shown), colour=colour)
        for colour, group in enumerate(operators.GROUPS)
        if any(row.groups.get(group) for row in shown)
    )
    return BarChart("operators", "Where the time goes, by group of operators", "ms", categories, series, stacked=True)


VIEWS: dict[str, Callable[[Sequence[Row], dict[str, str]], Chart]] = {
    "pareto": front,
    "speedup": speedups,
    "size": sizes,
    "memory": memory,
    "operators": profiles,
}
"""The charts that there are, by key, in the order in which they are shown."""
