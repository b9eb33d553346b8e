"""The confusion matrix of a run as a chart: of many classes those that are confused more often than before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Literal

from pqv_core.comparison.charts import MatrixChart
from pqv_core.report.plain_data import csv_text
from pqv_core.results.losses import Losses

Shown = Literal["before", "after", "change"]
SHOWN: dict[Shown, str] = {"after": "After", "before": "Before", "change": "Change"}
MOST_CLASSES = 16
"""More cannot be told apart in a picture; the others are added up."""

OTHERS = "others"


def matrix(found: Losses, shown: Shown) -> MatrixChart:
    """Images by class and answer, before, after, or by how many more they are after."""
    labels = sorted(islice(dict.fromkeys(_by_interest(found)), MOST_CLASSES))
    places = {label: place for place, label in enumerate(labels)}
    values = [[0] * (len(labels) + 1) for _ in labels]
    sign = {"before": (1, 0), "after": (0, 1), "change": (-1, 1)}[shown]
    for pair in found.pairs:
        if pair.label in places:
            column = places.get(pair.answer, len(labels))
            values[places[pair.label]][column] += sign[0] * pair.before + sign[1] * pair.after
    whole = len(labels) == len(found.classes) and not any(row[-1] for row in values)
    columns = len(labels) if whole else len(labels) + 1
    names = tuple(map(found.run.name, labels))
    return MatrixChart(
        title=_title(found, len(labels)),
        row_name="Class",
        column_name="answered as",
        rows=names,
        columns=(*names, OTHERS)[:columns],
        values=tuple(tuple(row[:columns]) for row in values),
        keys=tuple(labels),
        signed=shown == "change",
    )


def _title(found: Losses, shown: int) -> str:
    of = len(found.classes)
    if shown == of:
        return "Confusion matrix"
    return f"Confusion matrix of the {shown} most newly confused of {of:,} classes"


def _by_interest(found: Losses) -> Iterator[int]:
    """Classes with images: first those of the confusions that have grown most, then those that lost most."""
    known = {each.label for each in found.classes}
    for pair in found.new_confusions:
        yield from (label for label in (pair.label, pair.answer) if label in known)
    yield from (each.label for each in found.classes)


def table(found: Losses) -> str:
    """Every pair of class and answer that occurs, as the text of a CSV file."""
    rows = ((found.run.name(pair.label), found.run.name(pair.answer), pair.before, pair.after) for pair in found.pairs)
    return csv_text(("Class", "Answer", "Images before", "Images after"), rows)
