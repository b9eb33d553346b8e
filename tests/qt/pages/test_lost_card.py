"""The card “What was lost” of the Compare page: its states, the classes, the matrix, and the images as pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from pqv_core.project import project_file as projects
from pqv_core.results import answers
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.compare.changed_images import IMAGE
from pqv_gui.pages.compare.page import ComparePage
from pqv_gui.viewmodels import defaults
from tests.fakes.answered import IMAGES, keep_run
from tests.fakes.records import record
from tests.qt.app.test_frame import controls, cut_off, follows_the_eye, name_of, settle, tab_chain
from tests.qt.compare import SOON_MS, opened_compare, rest
from tests.qt.conftest import MakeWindow, point_to

COLORS = {"cat": (200, 0, 0), "cow": (0, 200, 0), "dog": (0, 0, 200)}
Opened = Callable[[], tuple[MainWindow, ComparePage]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a judged run, and its images beside it, each class in a colour of its own."""
    path = tmp_path / "projects" / "small.pqv"
    for name in IMAGES:
        place = path.parent / "val" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), COLORS[place.parent.name]).save(place)
    projects.save(path, projects.Project(config=defaults.new_config()))
    with_images(path, "r1", "val")
    return path


def with_images(project: Path, run: str, val: str) -> Path:
    folder = projects.runs_directory(project) / run
    plain = keep_run(folder).model_dump(mode="json")
    plain["config"]["data"]["val"] = val
    results.save(folder, RunRecord.model_validate(plain))
    return folder


@pytest.fixture
def opened(make_window: MakeWindow, qtbot: QtBot, project: Path) -> Opened:
    """Opens the project on the Compare page, with what was lost drawn."""

    def make() -> tuple[MainWindow, ComparePage]:
        return opened_compare(make_window, qtbot, project)

    return make


def classes(page: ComparePage) -> list[list[str]]:
    model = page.lost.classes.model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())] for row in range(model.rowCount())
    ]


def images(page: ComparePage) -> list[str]:
    model = page.lost.images.model()
    return [model.index(row, 0).data(IMAGE).image for row in range(model.rowCount())]


# states ------------------------------------------------------------------------------------------------------


def test_a_judged_run_shows_classes_matrix_and_images(opened: Opened) -> None:
    _, page = opened()
    card = page.lost
    assert card.sentence.text().startswith("Of 6 images 66.7 % were right before and 50.0 % after: 2 lost, 1 won")
    assert classes(page)[0] == ["cat", "3", "100 %", "33.3 %", "−2", "2", "0"]
    assert card.matrix.plot.chart is not None
    assert card.matrix.plot.chart.values == ((1, 1, 1), (0, 2, 0), (1, 0, 0))
    assert images(page) == ["cat/1.png", "cat/2.png", "cow/4.png", "dog/5.png"]
    assert "cat/1.png: cat, answered cat before and cow after (lost)" in card.images.model().index(0, 0).data()
    assert not card.gone.isVisible() and not card.busy.isVisible()


def test_a_run_without_answers_says_how_it_gets_some(opened: Opened, project: Path) -> None:
    shutil.rmtree(projects.runs_directory(project) / "r1" / "stages")
    _, page = opened()
    assert page.lost.sentence.text() == answers.WHY_NONE
    assert not page.lost.full.isVisible()


def test_damaged_answers_are_said_and_can_be_read_again(opened: Opened, project: Path, qtbot: QtBot) -> None:
    place = projects.runs_directory(project) / "r1" / "stages" / "verify" / answers.ANSWERS_FILE
    whole = place.read_text()
    place.write_text(json.dumps({"answers": 3}))
    window, page = opened()
    assert page.lost.sentence.text().startswith("The answers of this run are damaged. Delete the folder ")
    assert page.lost.retry.isVisible() and not page.lost.full.isVisible()
    place.write_text(whole)
    page.lost.retry.click()
    rest(window, page, qtbot)
    assert len(images(page)) == 4


def test_while_answers_are_read_it_says_so(opened: Opened) -> None:
    _, page = opened()
    page.lost.view.filling(other=True)
    assert page.lost.busy.isVisible()
    assert page.lost.sentence.text() == "Loading the answers …"
    assert not page.lost.full.isVisible()


def test_images_that_were_moved_away_are_said_to_be_and_the_figures_stay(opened: Opened, project: Path) -> None:
    shutil.move(project.parent / "val", project.parent / "elsewhere")
    _, page = opened()
    assert page.lost.gone.isVisible()
    assert str(project.parent / "val") in page.lost.gone.text()
    assert len(images(page)) == 4
    assert classes(page)[0][0] == "cat"


# what a person does ------------------------------------------------------------------------------------------


def test_a_class_is_chosen_in_the_table_or_the_matrix(opened: Opened, qtbot: QtBot) -> None:
    _, page = opened()
    card = page.lost
    card.classes.setCurrentIndex(card.classes.model().index(0, 0))
    assert images(page) == ["cat/1.png", "cat/2.png"]
    assert card.of_class._whole == "of the class cat"
    assert card.kind.currentText() == "All (2)"
    plot = card.matrix.plot
    place = plot._place()
    dog = QPointF(place.left + place.side / 2, place.top + 2.5 * place.side)
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=dog.toPoint())
    assert images(page) == ["dog/5.png"]
    qtbot.keyClick(card.classes, Qt.Key.Key_Escape)
    assert len(images(page)) == 4
    assert not card.all_classes.isVisible()


def test_images_are_chosen_by_how_their_answer_changed(opened: Opened) -> None:
    _, page = opened()
    kind = page.lost.kind
    assert [kind.itemText(index) for index in range(kind.count())] == [
        "All (4)",
        "Lost (2)",
        "Won (1)",
        "Wrong in another way (1)",
    ]
    kind.setCurrentIndex(2)
    kind.activated.emit(2)
    assert images(page) == ["cow/4.png"]


def test_any_two_of_its_models_and_files_are_compared(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened()
    card = page.lost
    assert [card.before.itemText(index) for index in range(card.before.count())] == [
        "FP32 model, uncut",
        "FP32 model, pruned",
        "Compressed",
    ]
    card.before.setCurrentIndex(1)
    card.before.activated.emit(1)
    rest(window, page, qtbot)
    assert images(page) == ["cat/1.png", "cat/2.png", "dog/5.png"]
    card.before.setCurrentIndex(2)  # the same as after: they change places
    card.before.activated.emit(2)
    rest(window, page, qtbot)
    assert (card.before.get(), card.after.get()) == ("compressed", "final")


def test_the_matrix_is_shown_before_after_and_as_the_change(opened: Opened) -> None:
    _, page = opened()
    card = page.lost
    for index, shown in enumerate(("after", "before", "change")):
        card.which.setCurrentIndex(index)
        card.which.activated.emit(index)
        assert card.matrix.plot.chart == card.view.read.matrices[shown]  # type: ignore[union-attr, index]
    assert "orange: fewer" in card.matrix.axes.text()
    page.scroller.ensureWidgetVisible(card.matrix.plot)
    place = card.matrix.plot._place()
    point_to(card.matrix.plot, QPoint(round(place.left + place.side / 2), round(place.top + place.side / 2)))
    assert card.matrix.tip.text() == "Class cat · answered as cat: −2"


def test_the_matrix_is_saved_as_a_table_of_all_pairs(opened: Opened, tmp_path: Path) -> None:
    _, page = opened()
    page.lost.matrix.saver.save(tmp_path / "matrix.csv", "csv")
    assert "cat,dog,0,1" in (tmp_path / "matrix.csv").read_text("utf-8-sig")
    page.lost.matrix.saver.save(tmp_path / "matrix.png", "png")
    assert not QImage(str(tmp_path / "matrix.png")).isNull()


def test_another_run_shows_its_own(opened: Opened, project: Path, qtbot: QtBot) -> None:
    folder = projects.runs_directory(project) / "r2"
    results.save(folder, record("r2"))
    window, page = opened()
    page.view.select("r2")
    rest(window, page, qtbot)
    assert not page.lost.full.isVisible()
    page.view.select("r1")
    rest(window, page, qtbot)
    assert len(images(page)) == 4


def test_another_project_shows_nothing_of_it(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    window, page = opened()
    other = tmp_path / "projects" / "other.pqv"
    projects.save(other, projects.Project(config=defaults.new_config()))
    window.commands.open_project(other)
    window.commands.go("compare")
    rest(window, page, qtbot)
    assert page.desk.lost.view.read is None


# pictures ----------------------------------------------------------------------------------------------------


def color_of(page: ComparePage, row: int) -> tuple[int, int, int]:
    """In the middle of a tile's picture."""
    view = page.lost.images
    area = view.visualRect(view.model().index(row, 0))
    drawn = view.viewport().grab().toImage()
    ratio = drawn.devicePixelRatio()
    pixel = drawn.pixelColor(
        round((area.left() + area.height() / 2) * ratio), round((area.top() + area.height() / 2) * ratio)
    )
    return pixel.red(), pixel.green(), pixel.blue()


def test_pictures_come_where_they_are_seen(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened()
    page.scroller.ensureWidgetVisible(page.lost.images)
    qtbot.waitUntil(lambda: color_of(page, 0) == COLORS["cat"], timeout=SOON_MS)
    qtbot.waitUntil(lambda: color_of(page, 2) == COLORS["cow"], timeout=SOON_MS)
    rest(window, page, qtbot)


def test_an_image_that_cannot_be_read_leaves_the_others(opened: Opened, project: Path, qtbot: QtBot) -> None:
    (project.parent / "val" / "cat" / "1.png").write_bytes(b"no image")
    window, page = opened()
    pictures, path = page.desk.lost.pictures, project.parent / "val" / "cat" / "1.png"
    qtbot.waitUntil(lambda: pictures.known(path), timeout=SOON_MS)
    assert pictures.get(path) is None
    qtbot.waitUntil(lambda: color_of(page, 1) == COLORS["cat"], timeout=SOON_MS)
    rest(window, page, qtbot)


# for everybody -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [100, 200])
def test_it_is_named_reached_by_tab_and_nowhere_cut_off(opened: Opened, qtbot: QtBot, scale: int) -> None:
    window, page = opened()
    window.resize(1024, 700)
    window.theme.set_text_scale(scale)
    page.view.select("r1")
    page.lost.view.choose_class(0)
    rest(window, page, qtbot)
    settle(window, page, qtbot)
    assert [repr(widget) for widget in controls(page) if not name_of(widget)] == []
    card, chain = page.lost, tab_chain(page)
    own = (
        card.before,
        card.after,
        card.classes,
        card.which,
        card.matrix.save,
        card.kind,
        card.all_classes,
        card.images,
    )
    assert set(own) <= set(chain)
    follows_the_eye(page)
    assert cut_off(page) == []
