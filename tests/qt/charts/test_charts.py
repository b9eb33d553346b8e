"""Charts draw few points that look like many, and a view that changes seldom."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from pqv_core.comparison.charts import BarChart, Point, ScatterChart, Series
from pqv_core.process import events
from pqv_gui.charts.bar_chart import BarChartView
from pqv_gui.charts.chart import POINTS, Chart, rounded_up, thinned
from pqv_gui.charts.dot_chart import MOST_DOTS
from pqv_gui.charts.error_axis import ErrorAxis, place
from pqv_gui.charts.latency_chart import LatencyChart
from pqv_gui.charts.pareto_chart import ParetoChart, Shown
from pqv_gui.charts.training_curves import accuracy_chart, loss_chart
from pqv_gui.style.theme import colors
from pqv_gui.viewmodels.run_view import RunView
from tests.qt.conftest import point_to

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5_000)


@given(values, st.integers(10, 400))
def test_thinning_keeps_extremes_ends_and_order(y: list[float], points: int) -> None:
    x = [float(index) for index in range(len(y))]
    xs, ys = thinned(array("d", x), array("d", y), points=points)
    assert len(xs) <= points + 3 or len(xs) == len(y) <= points
    assert (np.diff(xs) > 0).all()
    assert xs[-1] == x[-1]
    assert {min(y), max(y)} <= set(ys) | {y[-1]}
    assert all(y[int(a)] == b for a, b in zip(xs, ys, strict=True))


@pytest.mark.parametrize(
    ("count", "points", "drawn"), [(600, POINTS, 600), (601, POINTS, 401), (300, MOST_DOTS, 300), (301, MOST_DOTS, 201)]
)
def test_few_points_are_all_drawn_and_more_are_thinned(count: int, points: int, drawn: int) -> None:
    x = array("d", range(count))
    y = array("d", (n * 7 % 13 for n in range(count)))
    assert len(thinned(x, y, points=points)[0]) == drawn


@given(st.floats(1e-9, 1e12))
def test_rounded_up_is_a_little_more(value: float) -> None:
    assert value * (1 - 1e-6) <= rounded_up(value) <= value * 1.67


@pytest.fixture
def run() -> RunView:
    made = RunView()
    made.begin("r")
    made.apply([events.JobStarted(run="r", stages=("finetune", "benchmark"))])
    return made


def test_a_hundred_thousand_points_are_drawn_as_a_few_hundred(qtbot: QtBot, run: RunView) -> None:
    chart = loss_chart()
    qtbot.addWidget(chart)
    run.apply(events.Metric(run="r", name="train_loss", step=n, value=1 / n) for n in range(1, 100_001))
    assert chart.outdated(run)
    chart.draw(run)
    assert not chart.outdated(run)
    assert len(chart._series["train_loss"][1]) <= POINTS + 1
    assert "Training loss: 0.00001" in chart.described() or "Training loss: 0.0000100" in chart.described()


def test_the_view_stays_while_points_come_and_zooming_holds_it(qtbot: QtBot, run: RunView) -> None:
    chart = loss_chart()
    views = []
    page = show(chart, qtbot)
    for step in range(1, 401):
        run.apply([events.Metric(run="r", name="train_loss", step=step, value=2.0 - step / 400)])
        chart.draw(run)
        views.append(chart._view)
    assert len(set(views)) < 50
    turn(chart, 120, Qt.KeyboardModifier.ControlModifier)
    zoomed = seen(chart)
    assert chart.reset.isVisible()
    run.apply([events.Metric(run="r", name="train_loss", step=100_000, value=2.0)])
    chart.draw(run)
    assert seen(chart) == zoomed
    assert page.isVisible()
    chart.reset.click()
    assert seen(chart)[1] >= 100_000


def show(chart: Chart[Any], qtbot: QtBot) -> QScrollArea:
    """In a page that is higher than what is seen of it, as in the window; it lives as long as what is returned."""
    page = QWidget()
    inside = QVBoxLayout(page)
    inside.addWidget(chart)
    inside.addStretch(1)
    page.setMinimumHeight(2_000)
    scroller = QScrollArea()
    scroller.setWidgetResizable(True)
    scroller.setWidget(page)
    scroller.resize(500, 400)
    qtbot.addWidget(scroller)
    scroller.show()
    qtbot.waitUntil(lambda: scroller.childAt(100, 100) is not None and chart.plot.viewport().width() > 300)
    return scroller


def turn(chart: Chart[Any], angle: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Turn the wheel over the middle of a chart."""
    viewport, window = chart.plot.viewport(), chart.window()
    middle = QPointF(viewport.mapTo(window, viewport.rect().center()))
    QTest.wheelEvent(window.windowHandle(), middle, QPoint(0, angle), QPoint(0, 0), keys)


def seen(chart: Chart[Any]) -> tuple[float, ...]:
    """Left, right, bottom and top of what is shown."""
    (left, right), (bottom, top) = chart._item.getViewBox().viewRange()
    return left, right, bottom, top


@pytest.fixture
def drawn(qtbot: QtBot, run: RunView) -> Iterator[Chart[RunView]]:
    """A chart of three epochs, done."""
    run.apply(events.Metric(run="r", name="train_loss", step=n, epoch=n / 10, value=4.0 - n / 10) for n in range(1, 31))
    run.apply([events.Finished(run="r", outcome="succeeded")])
    chart = loss_chart()
    page = show(chart, qtbot)
    chart.draw(run)
    assert page.isVisible()
    yield chart


def test_the_wheel_over_a_chart_scrolls_the_page_and_with_ctrl_it_zooms(drawn: Chart[RunView]) -> None:
    whole = seen(drawn)
    area = drawn.window()
    assert isinstance(area, QScrollArea)
    turn(drawn, -120)
    assert area.verticalScrollBar().value() > 0
    assert seen(drawn) == whole
    turn(drawn, 120)
    assert area.verticalScrollBar().value() == 0
    turn(drawn, 120, Qt.KeyboardModifier.ControlModifier)
    assert area.verticalScrollBar().value() == 0
    assert whole[0] < seen(drawn)[0] < seen(drawn)[1] < whole[1]


def test_nobody_zooms_or_drags_to_where_there_is_nothing(drawn: Chart[RunView], qtbot: QtBot) -> None:
    whole = seen(drawn)
    for _ in range(30):
        turn(drawn, 120, Qt.KeyboardModifier.ControlModifier)
    assert drawn.reset.isVisible()
    drag(drawn, QPoint(4_000, 0))
    assert seen(drawn)[0] >= whole[0]
    for _ in range(60):
        turn(drawn, -120, Qt.KeyboardModifier.ControlModifier)
    assert seen(drawn) == pytest.approx(whole)
    assert not drawn.reset.isVisible(), "all is shown again"


def drag(chart: Chart[Any], by: QPoint) -> None:
    viewport, left = chart.plot.viewport(), Qt.MouseButton.LeftButton
    middle = viewport.rect().center()
    QTest.mousePress(viewport, left, pos=middle)
    QTest.mouseMove(viewport, middle + by / 2)
    QTest.mouseMove(viewport, middle + by)
    QTest.mouseRelease(viewport, left, pos=middle + by)


def test_a_double_click_shows_everything_again(drawn: Chart[RunView]) -> None:
    whole = seen(drawn)
    turn(drawn, 240, Qt.KeyboardModifier.ControlModifier)
    assert seen(drawn) != whole
    viewport = drawn.plot.viewport()
    QTest.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().center())
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().center())  # QTest holds it down
    assert seen(drawn) == pytest.approx(whole)


def test_what_is_pointed_to_is_said_at_the_point_until_the_pointer_leaves(drawn: Chart[RunView], qtbot: QtBot) -> None:
    viewport = drawn.plot.viewport()
    place = drawn.plot.mapFromScene(drawn._item.getViewBox().mapViewToScene(QPointF(1.5, 2.5)))
    point_to(viewport, place + QPoint(2, 25))
    qtbot.waitUntil(drawn.tip.isVisible)
    assert drawn.tip.text() == "epoch 1.5 · Training loss 2.50"
    away = drawn.tip.mapToGlobal(QPoint(0, 0)) - viewport.mapToGlobal(place)
    assert away.manhattanLength() < 30, "at the point, not at the pointer"
    point_to(viewport, place + QPoint(2, 26))
    assert drawn.tip.isVisible()
    point_to(drawn.window(), QPoint(20, 390))
    qtbot.waitUntil(lambda: not drawn.tip.isVisible())


def test_a_crosshair_stands_at_the_point_that_is_told_of_and_in_no_picture(drawn: Chart[RunView], qtbot: QtBot) -> None:
    viewport = drawn.plot.viewport()
    place = drawn.plot.mapFromScene(drawn._item.getViewBox().mapViewToScene(QPointF(1.5, 2.5)))
    point_to(viewport, place + QPoint(2, 25))
    qtbot.waitUntil(drawn.tip.isVisible)
    upright, level = drawn._cross
    assert upright.isVisible() and level.isVisible()
    assert (upright.value(), level.value()) == pytest.approx((1.5, 2.5))
    picture = drawn.saver.picture()
    assert not upright.isVisible()
    point_to(viewport, place + QPoint(3, 25))
    assert upright.isVisible()
    point_to(drawn.window(), QPoint(20, 390))
    assert not upright.isVisible()
    assert drawn.saver.picture() == picture


def test_names_stand_beside_marks_where_there_is_room_and_go_with_them(qtbot: QtBot) -> None:
    chart = ParetoChart()
    qtbot.addWidget(chart)
    chart.resize(600, 400)
    chart.show()
    near = [Point(10.0, 70.0 + n / 1000, f"near {n}", "s") for n in range(20)]
    chart.draw(scatter(Point(20.0, 90.0, "alone", "s"), *near))
    chart.grab()
    boxes = {name: box for box, name in chart.names.placed}
    assert "alone" in boxes and 0 < len([name for name in boxes if name.startswith("near")]) < 20
    assert all(chart._item.getViewBox().sceneBoundingRect().contains(box) for box in boxes.values())
    chart._item.getViewBox().setRange(xRange=(18, 21), yRange=(85, 91), padding=0)
    chart.grab()
    assert [name for _, name in chart.names.placed] == ["alone"]


def test_of_many_points_those_of_the_front_are_named(qtbot: QtBot) -> None:
    chart = ParetoChart()
    qtbot.addWidget(chart)
    chart.resize(600, 400)
    chart.show()
    chart.draw(scatter(*(Point(10.0 + n, 50.0 + n, f"p{n}", "s", front=n in (3, 20)) for n in range(300))))
    chart.grab()
    assert {name for _, name in chart.names.placed} <= {"p3", "p20"}
    assert chart.named()[0][1] == "p3"


def test_a_curve_has_its_name_at_its_end_once_all_is_told(qtbot: QtBot, run: RunView) -> None:
    chart = loss_chart()
    qtbot.addWidget(chart)
    chart.resize(600, 400)
    chart.show()
    run.apply(events.Metric(run="r", name="train_loss", step=n, value=4.0 - n / 10) for n in range(1, 31))
    chart.draw(run)
    chart.grab()
    assert chart.names.placed == []
    run.apply([events.Finished(run="r", outcome="succeeded")])
    chart.draw(run)
    chart.grab()
    ((box, name),) = chart.names.placed
    assert name == "Training loss"
    end = chart._item.getViewBox().mapViewToScene(QPointF(30, 1.0))
    assert abs(box.right() - end.x()) < 20 and abs(box.center().y() - end.y()) < 20


def test_where_no_mark_is_the_axes_are_read(qtbot: QtBot) -> None:
    chart = ParetoChart()
    qtbot.addWidget(chart)
    chart.resize(600, 400)
    chart.show()
    chart.draw(scatter(Point(10.0, 80.0, "fast", "s"), Point(1000.0, 90.0, "slow", "s")))
    chart.grab()
    where = chart._item.getViewBox().mapViewToScene(QPointF(2.0, 85.0))
    told = chart.pointed(where)
    assert told is not None and told[1] == "100 ms, 85.0 %"


@pytest.mark.parametrize(("last", "offered"), [(0.5, True), (2.0, False)])
def test_losses_that_are_far_apart_can_be_shown_by_their_ratios(
    qtbot: QtBot, run: RunView, last: float, offered: bool
) -> None:
    chart = loss_chart()
    qtbot.addWidget(chart)
    run.apply([events.Metric(run="r", name="train_loss", step=n, value=v) for n, v in ((1, 4.0), (2, last))])
    chart.draw(run)
    assert chart.scale.isHidden() != offered
    assert not chart.logarithmic, "until a person wants it"
    if offered:
        chart.scale.click()
        assert chart._items["train_loss"][0].yData == pytest.approx(np.log10([4.0, last]))


def test_the_scale_of_costs_is_a_persons_choice_and_holds_in_pictures(qtbot: QtBot) -> None:
    chart = ParetoChart()
    qtbot.addWidget(chart)
    near = scatter(Point(10.0, 80.0, "fast", "s"), Point(20.0, 90.0, "slow", "s"))
    chart.draw(near)
    assert chart.scale.isHidden()
    chart.draw(scatter(Point(10.0, 80.0, "fast", "s"), Point(1000.0, 90.0, "slow", "s")))
    assert chart.scale.isChecked() and not chart.scale.isHidden()
    by_ratio = chart.as_svg()
    chart.scale.click()
    assert chart._series["s"][1][-1] == 1000.0
    assert chart.as_svg() != by_ratio
    chart.draw(near)
    assert chart.scale.isHidden() and not chart.scale.isChecked()


@pytest.mark.parametrize("at", [QPoint(0, 0), QPoint(400, 100), QPoint(5_000, 5_000)])
@pytest.mark.parametrize("words", ["a", "a word and one more " * 20])
def test_what_is_said_stays_within_the_chart(drawn: Chart[RunView], at: QPoint, words: str) -> None:
    drawn.tip.say(words, QPoint(min(at.x(), drawn.width()), min(at.y(), drawn.height())))
    assert drawn.rect().contains(drawn.tip.geometry())
    assert drawn.tip.height() >= drawn.tip.heightForWidth(drawn.tip.width())


def test_one_point_of_a_curve_is_drawn(qtbot: QtBot, run: RunView) -> None:
    chart = loss_chart()
    page = show(chart, qtbot)
    run.apply([events.Metric(run="r", name="val_loss", step=40, epoch=1, value=2.0)])
    chart.draw(run)
    assert page.isVisible()
    image = chart.plot.grab().toImage()
    at = chart.plot.mapFromScene(chart._item.getViewBox().mapViewToScene(QPointF(1.0, 2.0)))
    near = [image.pixelColor(at + QPoint(x, y)) for x in range(-3, 4) for y in range(-3, 4)]
    assert chart.color(1) in near


@pytest.mark.parametrize("epochs", [1, 2, 3, 30])
def test_epochs_are_whole_numbers_on_the_axis(qtbot: QtBot, run: RunView, epochs: int) -> None:
    chart = loss_chart()
    page = show(chart, qtbot)
    run.apply(
        events.Metric(run="r", name="train_loss", step=n, epoch=n / 4, value=1 / n) for n in range(1, 4 * epochs + 1)
    )
    chart.draw(run)
    page.grab()
    axis = chart._item.getAxis("bottom")
    left, right, *_ = seen(chart)
    ticks = axis.tickValues(left, right, axis.width())
    written = [text for distance, places in ticks for text in axis.tickStrings(places, 1.0, distance)]
    assert len(written) >= 2
    assert all(text.isdecimal() for text in written), written
    assert chart._x_name == "epoch"
    assert (left, right) == (0.0, pytest.approx(epochs, rel=0.5))


def test_accuracy_ends_at_a_hundred_percent(qtbot: QtBot, run: RunView) -> None:
    chart = accuracy_chart()
    qtbot.addWidget(chart)
    run.apply(events.Metric(run="r", name="val_top1", step=n, value=n / 10) for n in range(1, 11))
    chart.draw(run)
    assert chart._view is not None
    assert 100 < chart._view[3] < 105


def test_latency_shows_each_artifact_from_zero(qtbot: QtBot, run: RunView) -> None:
    chart = LatencyChart()
    qtbot.addWidget(chart)
    run.apply(
        events.LatencySample(run="r", role=role, index=n, ns=ms * 1_000_000)
        for n in range(30)
        for role, ms in (("paper_fp32", 60), ("fast_fp32", 20), ("compressed", 10))
    )
    chart.draw(run)
    assert chart._view is not None
    assert chart._view[2] == 0.0
    assert chart.described() == ("Compressed: 10.0 ms; FP32, fastest: 20.0 ms; FP32, paper’s baseline: 60.0 ms")
    chart.clear()
    assert chart.described() == ""


def test_a_live_chart_is_saved_whole_as_png_svg_and_csv(qtbot: QtBot, run: RunView, tmp_path: Path) -> None:
    chart = LatencyChart()
    qtbot.addWidget(chart)
    run.apply(
        events.LatencySample(run="r", role="compressed", index=n, ns=(10 + n % 3) * 1_000_000) for n in range(2_000)
    )
    chart.resize(600, 400)
    chart.show()
    qtbot.waitExposed(chart)
    chart.draw(run)
    for form in ("png", "svg", "csv"):
        chart.saver.save(tmp_path / f"chart.{form}", form)
    image = QImage(str(tmp_path / "chart.png"))
    assert image.width() > 1000
    assert len({image.pixelColor(x, y).name() for x in range(0, image.width(), 7) for y in range(0, 500, 7)}) > 3
    drawn = (tmp_path / "chart.svg").read_text()
    assert Xml.fromstring(drawn).tag.endswith("svg")
    assert "Latency per inference" in drawn
    rows = list(csv.DictReader((tmp_path / "chart.csv").open(encoding="utf-8")))
    assert [row["ms"] for row in rows if row["Series"] == "Compressed, each"][:3] == ["10.0", "11.0", "12.0"]
    assert len(rows) == 4_000, "all samples and all medians, not only those that are drawn"


def test_bars_below_the_line_are_red_and_striped(qtbot: QtBot) -> None:
    view = BarChartView()
    qtbot.addWidget(view)
    chart = BarChart(
        "k", "t", "×", ("fast", "slow"), (Series("over a", (2.0, 0.5), colour=2),), base=1.0, below="slower"
    )
    view.show_chart(chart)
    view.resize(600, 200)
    image = view.plot.grab().toImage()
    shades = colors(view)

    def along(bar: int) -> list[str]:
        area = view.plot._bars[bar].area
        y = round(area.center().y())
        return [image.pixelColor(x, y).name() for x in range(round(area.left()) + 1, round(area.right()) - 1)]

    fast, slow = along(0), along(1)
    assert shades.bad not in fast and fast.count(shades.series[2]) > 0.9 * len(fast)
    assert slow[0] == shades.series[2], "its beginning tells the series"
    assert slow.count(shades.bad) > 0.3 * len(slow)
    assert shades.surface in {*slow} or len({*slow}) > 3, "stripes"
    one = view.plot._base_at
    assert one == pytest.approx(view.plot._bars[0].area.center().x(), abs=1)
    assert "slow, over a: 0.500× slower" in view.plot.accessibleDescription()


def test_a_caption_stands_below_a_picture_as_high_as_it_needs(qtbot: QtBot, run: RunView) -> None:
    chart = loss_chart()
    qtbot.addWidget(chart)
    chart.resize(400, 300)
    chart.show()
    plain = chart.saver.picture().height()
    chart.saver.caption = lambda: "Phone One · a run · 2 Mar 2026, 09:05 · PQV-Mobile 1.0"
    one = chart.saver.picture()
    assert one.height() > plain
    below = {one.pixelColor(x, y).name() for x in range(700) for y in range(plain, one.height())}
    assert len(below) > 3, "words, and not only ground"
    chart.saver.caption = lambda: "a long caption " * 40
    assert chart.saver.picture().height() > 2 * one.height() - plain
    assert "a long caption" in chart.saver.drawn()


def test_a_right_click_offers_to_save(qtbot: QtBot, run: RunView) -> None:
    chart = loss_chart()
    qtbot.addWidget(chart)
    chart.show()
    viewport = chart.plot.viewport()
    place = viewport.rect().center()
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, viewport.mapToGlobal(place))
    QApplication.sendEvent(viewport, click)
    assert chart.saver.menu.isVisible()
    assert [action.text() for action in chart.saver.menu.actions() if action.isVisible()] == [
        "Copy picture",
        "Save as PNG …",
        "Save as SVG …",
        "Save as CSV …",
    ]
    chart.saver.menu.close()


def test_a_picture_that_cannot_be_written_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    chart = loss_chart()
    qtbot.addWidget(chart)
    (tmp_path / "file").touch()
    for form in ("png", "svg", "csv"):
        with qtbot.waitSignal(chart.saver.failed) as failed:
            chart.saver.save(tmp_path / "file" / "chart", form)
        assert failed.args is not None
        assert failed.args[0].action


def test_far_apart_latencies_are_shown_by_their_ratios_until_a_person_decides(qtbot: QtBot, run: RunView) -> None:
    chart = LatencyChart()
    qtbot.addWidget(chart)
    run.apply(
        events.LatencySample(run="r", role=role, index=n, ns=ms * 1_000_000)
        for n in range(3)
        for role, ms in (("paper_fp32", 100), ("compressed", 1))
    )
    chart.draw(run)
    assert chart.scale.isChecked()
    assert chart._view is not None
    assert -0.2 < chart._view[2] < 0.0
    assert 2.0 < chart._view[3] < 2.4
    assert chart._axis.tickStrings([0.0, 1.0, 2.0], 1.0, 1.0) == ["1", "10", "100"]
    chart.scale.click()
    assert chart._view[2] == 0.0
    run.apply([events.LatencySample(run="r", role="compressed", index=3, ns=1)])
    chart.draw(run)
    assert not chart.logarithmic


@pytest.mark.parametrize(("count", "dots", "points"), [(300, 300, 300), (301, 201, 301), (601, 401, 401)])
def test_a_latency_has_at_most_300_dots_and_600_points(
    qtbot: QtBot, run: RunView, count: int, dots: int, points: int
) -> None:
    chart = LatencyChart()
    qtbot.addWidget(chart)
    run.apply(
        events.LatencySample(run="r", role="compressed", index=n, ns=(10 + n * 7 % 13) * 1_000_000)
        for n in range(count)
    )
    chart.draw(run)
    assert chart._dots["compressed"]._points.size() <= dots
    assert len(chart._series["compressed"][1]) <= points
    assert len(chart.as_csv().splitlines()) == 1 + 2 * count


@pytest.mark.parametrize(("slowest_ms", "logarithmic"), [(60.0, False), (60.1, True)])
def test_latencies_are_far_apart_from_six_times_on(
    qtbot: QtBot, run: RunView, slowest_ms: float, logarithmic: bool
) -> None:
    chart = LatencyChart()
    qtbot.addWidget(chart)
    run.apply(
        events.LatencySample(run="r", role=role, index=0, ns=round(ms * 1_000_000))
        for role, ms in (("paper_fp32", slowest_ms), ("compressed", 10.0))
    )
    chart.draw(run)
    assert (chart.logarithmic, chart.scale.isChecked()) == (logarithmic, logarithmic)


def scatter(*points: Point) -> Shown:
    return Shown(ScatterChart("pareto", "Accuracy", "latency", "ms", "top-1", "%", points))


@pytest.mark.parametrize(("slowest", "logarithmic", "right"), [(60.0, False, 60.0), (60.1, True, np.log10(60.1))])
def test_accuracy_over_latency_shows_ratios_from_six_times_on(
    qtbot: QtBot, slowest: float, logarithmic: bool, right: float
) -> None:
    chart = ParetoChart()
    qtbot.addWidget(chart)
    chart.draw(scatter(Point(10.0, 80.0, "fast", "s"), Point(slowest, 90.0, "slow", "s")))
    assert chart._bottom.logarithmic == logarithmic
    assert chart._series["s"][1][-1] == pytest.approx(right)


@pytest.mark.parametrize(("count", "told"), [(100, 100), (101, 2)])
def test_of_more_than_a_hundred_points_those_on_the_front_are_told(qtbot: QtBot, count: int, told: int) -> None:
    chart = ParetoChart()
    qtbot.addWidget(chart)
    chart.draw(scatter(*(Point(1.0 + n, 50.0, f"p{n}", "s", front=n < 2) for n in range(count))))
    spoken = chart.plot.accessibleDescription().split("; ")
    assert len(spoken) == told
    assert spoken[0] == "p0: 1.00 ms, 50.0 %, on the Pareto front"


def test_where_errors_halve_steps_are_equal_and_ticks_never_run_into_each_other() -> None:
    assert place(90) - place(80) == pytest.approx(place(95) - place(90))
    axis = ErrorAxis("left")
    for low, high in ((40, 91), (70, 80), (0, 99.5), (84, 86)):
        ((_, places),) = axis.tickValues(place(low), place(high), 200.0)
        assert all(place(low) <= each <= place(high) for each in places)
        apart = [abs(one - other) for one in places for other in places if one != other]
        assert min(apart, default=1.0) >= 0.12 * (place(high) - place(low))
    ((_, places),) = axis.tickValues(place(40), place(91), 400.0)
    assert {"90", "80", "60", "40"} <= set(axis.tickStrings(places, 1.0, 1.0))
