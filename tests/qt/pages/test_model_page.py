"""The Model page: a model is found in the list or in the chart, sorted, starred, and found again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from pqv_core.comparison.dense_latencies import DenseLatencyReader
from pqv_core.errors import ErrorInfo
from pqv_core.latency.dense import Conditions, DenseLatencies, DenseLatency, gathered
from pqv_core.models import catalog
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.model.model_scatter import FILTERED_OUT
from pqv_gui.pages.model.page import ModelPage
from pqv_gui.widgets.basic_inputs import ComboInput
from tests.fakes.records import record
from tests.qt.conftest import MakeWindow

SMALL, TINY = "deit_small_patch16_224", "deit_tiny_patch16_224"


@pytest.fixture
def page(window: MainWindow, qtbot: QtBot) -> ModelPage:
    """The page with its chart drawn, of a project with DeiT-S."""
    window.commands.go("model")
    found = window.stack.currentWidget()
    assert isinstance(found, ModelPage)
    window.workspace.session.set("model.name", SMALL)
    drawn(found, qtbot)
    return found


def drawn(page: ModelPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page._charted == page.models.revision and page.workspace.tasks.active == 0)


def choose(combo: ComboInput, key: str) -> None:
    combo.setCurrentIndex(combo.findData(key))
    combo.activated.emit(combo.currentIndex())


def rows(page: ModelPage) -> list[str]:
    model = page.network.list.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def chosen(page: ModelPage) -> str:
    return str(page.session.get("model.name"))


def place(page: ModelPage, name: str) -> QPoint:
    """Where in the plot a model's mark is."""
    assert page.chart._chart is not None
    point = next(point for point in page.chart._chart.points if point.name == name)
    return page.chart.plot.mapFromScene(page.chart._place(point))


def test_a_click_in_the_chart_chooses_the_model(page: ModelPage, qtbot: QtBot) -> None:
    page.network.search.setText("deit3 large")
    drawn(page, qtbot)
    page.scroller.ensureWidgetVisible(page.chart)
    qtbot.mouseClick(page.chart.plot.viewport(), Qt.MouseButton.LeftButton, pos=place(page, "deit3_large_patch16_384"))
    qtbot.waitUntil(lambda: chosen(page) == "deit3_large_patch16_384")
    assert page.network.list.currentIndex().data() == "deit3_large_patch16_384"
    assert page.chosen.name.text() == "deit3_large_patch16_384"
    assert "85.8 % at 384 px" in page.chosen.accuracy.text()
    assert page.chart._ring.data["x"].size == 1


def test_the_arrow_keys_go_from_model_to_model(page: ModelPage, qtbot: QtBot) -> None:
    page.network.search.setText("deit")
    drawn(page, qtbot)
    plot = page.chart.plot
    plot.setFocus()
    assert page.chart._chart is not None
    listed = [point for point in page.chart._chart.points if point.series != FILTERED_OUT]
    along = [point.name for point in sorted(listed, key=lambda point: (point.x, point.name))]
    up = [point.name for point in sorted(listed, key=lambda point: (point.y, point.name))]
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert chosen(page) == along[0] == page.network.list.currentIndex().data()
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert chosen(page) == along[0]
    for name in along[1:]:
        qtbot.keyClick(plot, Qt.Key.Key_Right)
        assert chosen(page) == name
    qtbot.keyClick(plot, Qt.Key.Key_End)
    assert chosen(page) == along[-1]
    here = up.index(chosen(page))
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert chosen(page) == up[here - 1]
    assert page.chart.tip.text().startswith(f"{up[here - 1]} · ")
    assert plot.accessibleDescription().startswith(f"Chosen: {up[here - 1]}: ")


def test_from_outside_the_list_the_keys_lead_into_it(page: ModelPage, qtbot: QtBot) -> None:
    page.network.search.setText("swin tiny")
    drawn(page, qtbot)
    assert SMALL not in rows(page)
    page.chart.plot.setFocus()
    qtbot.keyClick(page.chart.plot, Qt.Key.Key_Right)
    assert chosen(page) in rows(page)


def test_tab_reaches_the_chart_and_leaves_it(page: ModelPage, qtbot: QtBot) -> None:
    page.network.search.setFocus()
    seen = []
    for _ in range(12):
        focused = QApplication.focusWidget()
        assert focused is not None
        seen.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    order = [page.network.only, page.network.family, page.network.order, page.network.list, page.chosen.star]
    places = [seen.index(each) for each in (page.network.search, *order, page.chart.plot)]
    assert places == sorted(places)
    assert seen[-1] is not page.chart.plot
    assert all(each.accessibleName() for each in seen)


def test_the_list_is_sorted_as_asked_and_the_choice_stays(page: ModelPage, qtbot: QtBot) -> None:
    assert page.network.list.verticalScrollBar().value() > 0  # the chosen model is in sight
    choose(page.network.order, "accuracy")
    assert page.network.list.verticalScrollBar().value() == 0  # now the best are
    best = max(entry.top1 or 0 for entry in catalog.load().entries)
    assert catalog.load().get(rows(page)[0]).top1 == best
    assert page.network.list.currentIndex().data() == SMALL
    choose(page.network.order, "params")
    params = [catalog.load().get(name).params for name in rows(page)]
    assert params == sorted(params)
    assert page.network.figure.text() == "Parameters"
    assert chosen(page) == SMALL


def test_figures_that_arrive_leave_the_list_where_it_is(page: ModelPage, window: MainWindow) -> None:
    bar = page.network.list.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    before = bar.value()
    conditions = Conditions("Pixel 8", 4, "FP32 .pte")
    window.workspace.models.take_latencies(gathered([DenseLatency(SMALL, conditions, 2e7, "2026-01-01")]))
    assert page.network.order.count() == 5  # one can sort by it
    assert bar.value() == before > 0


def test_stars_are_given_in_the_list_and_on_the_card(page: ModelPage, qtbot: QtBot, window: MainWindow) -> None:
    page.network.search.setText("deit tiny")
    assert page.chosen.star.text() == "☆ Star"
    models = page.network.list
    index = models.model().index(0, 0)
    QTest.mouseClick(models.viewport(), Qt.MouseButton.LeftButton, pos=models.star_of(index).center())
    assert chosen(page) == SMALL  # the star is no click on the model
    page.chosen.star.click()
    assert page.chosen.star.text() == "★ Starred"
    assert window.workspace.settings.store("models/starred").read() == [TINY, SMALL]
    page.network.search.clear()
    choose(page.network.only, "starred")
    assert rows(page) == [TINY, SMALL]
    page.chosen.star.click()
    assert rows(page) == [TINY]


def test_a_model_that_a_person_went_on_with_is_a_recent_one(page: ModelPage, window: MainWindow, qtbot: QtBot) -> None:
    choose(page.network.only, "recent")
    assert "No recent model matches." in page.network.count.text()
    window.commands.go("prune")
    window.commands.go("model")
    assert rows(page) == [SMALL]
    page.session.set("model.name", f"{TINY}.fb_in1k")
    window.commands.go("prune")
    window.commands.go("model")
    assert rows(page) == [TINY, SMALL]
    assert window.workspace.settings.store("models/recent").read() == [TINY, SMALL]


def test_stars_and_recent_models_are_remembered(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    first = make_window(show=False)
    assert first.workspace.models.kept is not None
    first.workspace.models.kept.star(TINY, True)
    first.workspace.models.kept.use(SMALL)
    first.workspace.settings.flush()
    second = make_window(show=False)
    assert second.workspace.models.kept is not None
    assert (second.workspace.models.kept.starred, second.workspace.models.kept.recent) == ((TINY,), (SMALL,))


def test_an_earlier_run_makes_latency_an_order(page: ModelPage, window: MainWindow, qtbot: QtBot) -> None:
    project = page.session.path
    assert project is not None
    made = record()
    config = {**made.config, "model": {**made.config["model"], "name": TINY, "arguments": {}}}
    results.save(projects.runs_directory(project) / "r1", made.model_copy(update={"config": config}))
    window.commands.go("prune")
    window.commands.go("model")
    key = "latency: Some CPU, 2 cores, 2 threads, FP32 .ptl"
    qtbot.waitUntil(lambda: page.network.order.findData(key) >= 0)
    choose(page.network.order, key)
    assert rows(page)[0] == TINY
    assert page.network.list.model().index(0, 0).data(page.network.list._delegate.ASIDE) == "20.0 ms"
    page.network.list.setCurrentIndex(page.network.list.model().index(0, 0))
    assert page.chosen.latencies.text() == "20.0 ms: Some CPU, 2 cores, 2 threads, FP32 .ptl, 2026-01-01"


def test_published_accuracy_is_not_taken_for_that_of_other_weights(page: ModelPage) -> None:
    page.session.set("model.weights", "pretrained")
    assert page.chosen.accuracy.text().endswith("(weights fb_in1k).")
    page.session.set("model.weights", "random")
    assert page.chosen.accuracy.text().endswith("(weights fb_in1k). This project uses random weights.")


def test_latencies_are_read_by_the_last_who_asks_alone(
    page: ModelPage, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[str] = []
    asked = threading.Event()

    def slow_disk(_: object, latest: object, *, cancelled: Callable[[], bool]) -> DenseLatencies:
        if asked.is_set():
            ends.append("read")
            return {}
        asked.set()
        pause = threading.Event()
        tries = (cancelled() or pause.wait(0.01) for _ in range(500))
        ends.append("declined" if any(tries) else "read to its end")
        return {}

    monkeypatch.setattr(DenseLatencyReader, "read", slow_disk)
    window.workspace.read_latencies()
    qtbot.waitUntil(asked.is_set)
    window.workspace.read_latencies()
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=10_000)
    assert sorted(ends) == ["declined", "read"]


def test_other_weights_than_the_default_ones_are_not_marked_as_those(page: ModelPage) -> None:
    page.session.set("model.name", "vit_base_patch16_224.augreg2_in21k_ft_in1k")
    assert page.chart._ring.data["x"].size == 1
    page.session.set("model.name", "vit_base_patch16_224.augreg_in21k")
    assert page.chart._ring.data["x"].size == 0
    assert page.network.list.currentIndex().data() == "vit_base_patch16_224"


def test_the_source_of_the_accuracies_is_named(page: ModelPage) -> None:
    assert catalog.load().accuracy_source in page.source.text()
    assert "known for 404 of 725 models" in page.source.text()


def test_the_list_has_four_states(page: ModelPage, window: MainWindow, qtbot: QtBot) -> None:
    assert page.network.count.text() == "725 of 725 models"
    page.network.search.setText("no such thing")
    assert page.network.count.text() == "No matching model. Try fewer words or all families."
    drawn(page, qtbot)  # with nothing in the list, all are grey
    page.models._catalog = None
    page.refresh()
    assert page.network.count.text() == "Loading the model list …"
    page.models.failed(ErrorInfo(kind="StorageError", message="The model catalogue is damaged."))
    page._show_error()
    assert page.network.count.text() == "The model list could not be loaded."
    assert page.banner.isVisible()


def test_another_project_begins_with_all_models(page: ModelPage, window: MainWindow, tmp_path: Path) -> None:
    choose(page.network.only, "starred")
    choose(page.network.order, "macs")
    window.workspace.create(tmp_path / "projects", "other")
    assert (page.network.only.get(), page.models.only) == ("", "")
    assert page.models.order == "macs"  # a person's, not the project's
    assert len(rows(page)) == len(page.models)
