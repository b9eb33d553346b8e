"""What the card “What was lost” shows: sorted, filtered, and told without a display."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.comparison import confusion
from pqv_core.config.data import Scale
from pqv_core.errors import ErrorInfo
from pqv_core.results import answers, losses
from pqv_gui.pages.compare.lost_view import COLUMNS, LostInRun, LostView
from tests.fakes.answered import keep_run


def read(folder: Path, *, there: bool = True) -> LostInRun:
    given = answers.load(folder, keep_run(folder))
    assert given is not None
    found = losses.between(given)
    return LostInRun(
        found, folder / "val", there, Scale(), {key: confusion.matrix(found, key) for key in confusion.SHOWN}
    )


@pytest.fixture
def view(tmp_path: Path) -> LostView:
    made = LostView()
    made.take(read(tmp_path))
    return made


def names(view: LostView) -> list[str]:
    return [line.name for line in view.lines]


def test_the_class_that_lost_most_is_first_at_first(view: LostView) -> None:
    assert names(view) == ["cat", "dog", "cow"]
    texts = [[column.text(line) for column in COLUMNS] for line in view.lines]
    assert texts[0] == ["cat", "3", "100 %", "33.3 %", "−2", "2", "0"]
    assert texts[1] == ["dog", "1", "0 %", "0 %", "0", "0", "0"]
    assert texts[2] == ["cow", "2", "50.0 %", "100 %", "+1", "0", "1"]


@pytest.mark.parametrize(
    ("key", "first", "again"),
    [("class", "cat", "dog"), ("won", "cow", "cat"), ("images", "cat", "dog"), ("before", "dog", "cat")],
)
def test_a_click_on_a_head_sorts_and_a_second_one_reverses(view: LostView, key: str, first: str, again: str) -> None:
    view.sort_by(key)
    assert names(view)[0] == first
    view.sort_by(key)
    assert names(view)[0] == again


def test_images_that_were_lost_come_first(view: LostView) -> None:
    assert [each.kind for each in view.images] == ["lost", "lost", "won", "other"]
    assert view.counts == {"lost": 2, "won": 1, "other": 1}


def test_images_of_one_class_or_one_kind(view: LostView) -> None:
    view.choose_kind("won")
    assert [each.image for each in view.images] == ["cow/4.png"]
    view.choose_class(0)
    assert (view.class_name, view.images) == ("cat", [])
    assert view.counts == {"lost": 2, "won": 0, "other": 0}
    view.choose_kind("")
    assert [each.image for each in view.images] == ["cat/1.png", "cat/2.png"]
    view.choose_class(None)
    assert len(view.images) == 4


def test_what_was_chosen_is_forgotten_with_the_run(view: LostView, tmp_path: Path) -> None:
    view.choose_class(2)
    view.choose_kind("lost")
    view.take(read(tmp_path))
    assert (view.label, view.kind, len(view.images)) == (None, "", 4)


def test_images_that_are_gone_have_no_path(view: LostView, tmp_path: Path) -> None:
    assert view.path(view.images[0]) == tmp_path / "val" / "cat/1.png"
    view.take(read(tmp_path, there=False))
    assert view.path(view.images[0]) is None


def test_while_another_run_is_read_nothing_of_the_first_is_shown(view: LostView) -> None:
    view.filling(other=False)
    assert view.read is not None
    view.filling(other=True)
    assert (view.state, view.read, view.lines, view.images) == ("filling", None, [], [])


def test_a_failure_leaves_nothing_that_could_be_taken_for_figures(view: LostView) -> None:
    error = ErrorInfo(kind="ProjectError", message="Damaged.", action="Run again.")
    view.failed(error)
    assert (view.state, view.error, view.read, view.chart, view.as_csv()) == ("failed", error, None, None, "")
    assert (view.lines, view.images, view.class_name) == ([], [], "")


def test_without_answers_there_is_nothing(view: LostView) -> None:
    view.take(None)
    assert (view.state, view.lines, view.images) == ("none", [], [])
