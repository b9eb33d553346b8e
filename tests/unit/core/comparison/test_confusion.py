"""The confusion matrix as a chart: nothing is lost of the figures, and of many classes the telling ones are shown."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest

from pqv_core.comparison import confusion
from pqv_core.results import answers, losses
from pqv_core.results.answers import Judged, RunAnswers
from pqv_core.results.losses import Losses
from tests.fakes.answered import keep_run


@pytest.fixture
def found(tmp_path: Path) -> Losses:
    given = answers.load(tmp_path, keep_run(tmp_path))
    assert given is not None
    return losses.between(given)


def many(classes: int = 100) -> Losses:
    """Ten images a class; the later classes lose more, each to the class before it."""
    labels = tuple(label for label in range(classes) for _ in range(10))
    after = tuple((label - 1) % classes if place % 10 < label // 10 else label for place, label in enumerate(labels))
    run = RunAnswers(
        classes=tuple(f"c{label:02}" for label in range(classes)),
        images=tuple(f"{label}/{place}.png" for place, label in enumerate(labels)),
        labels=labels,
        judged=(Judged("dense", "Before", labels), Judged("compressed", "After", after)),
    )
    return losses.between(run)


def test_a_few_classes_are_shown_whole(found: Losses) -> None:
    before, after, change = (confusion.matrix(found, shown) for shown in ("before", "after", "change"))
    assert before.rows == before.columns == ("cat", "cow", "dog")
    assert before.values == ((3, 0, 0), (0, 1, 1), (0, 1, 0))
    assert after.values == ((1, 1, 1), (0, 2, 0), (1, 0, 0))
    assert change.values == ((-2, 1, 1), (0, 1, -1), (1, -1, 0))
    assert change.signed and not after.signed
    assert (after.title, after.keys) == ("Confusion matrix", (0, 1, 2))


def test_a_square_is_said_in_words(found: Losses) -> None:
    assert confusion.matrix(found, "after").say(0, 2) == "Class cat · answered as dog: 1"
    assert confusion.matrix(found, "change").say(0, 0) == "Class cat · answered as cat: −2"


def test_of_many_classes_those_are_shown_that_are_newly_confused() -> None:
    chart = confusion.matrix(many(), "after")
    assert chart.title == "Confusion matrix of the 16 most newly confused of 100 classes"
    assert len(chart.rows) == confusion.MOST_CLASSES
    assert set(range(89, 100)) < set(chart.keys)
    assert list(chart.keys) == sorted(chart.keys)


def test_what_is_answered_as_a_class_that_is_not_shown_is_added_up() -> None:
    found = many()
    chart = confusion.matrix(found, "after")
    assert chart.columns == (*chart.rows, confusion.OTHERS)
    images = {each.label: each.images for each in found.classes}
    assert [sum(row) for row in chart.values] == [images[label] for label in chart.keys]
    assert chart.values[0][-1] == found.confusion_after[chart.keys[0], chart.keys[0] - 1]


def test_an_output_without_a_class_is_among_the_others() -> None:
    run = RunAnswers(("cat", "dog"), ("0.png",), (0,), (Judged("dense", "", (0,)), Judged("compressed", "", (7,))))
    chart = confusion.matrix(losses.between(run), "after")
    assert (chart.rows, chart.columns) == (("cat",), ("cat", confusion.OTHERS))
    assert chart.values == ((0, 1),)


def test_the_table_has_every_pair(found: Losses) -> None:
    rows = list(csv.reader(StringIO(confusion.table(found).lstrip("\ufeff"))))
    assert rows[0] == ["Class", "Answer", "Images before", "Images after"]
    assert ["cat", "dog", "0", "1"] in rows
    assert sum(int(row[2]) for row in rows[1:]) == sum(int(row[3]) for row in rows[1:]) == found.images
