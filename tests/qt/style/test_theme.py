"""Text size and colours that are changed while the window is open reach everything, as if it had been built so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QDialog, QGridLayout, QLayout, QTableView, QWidget
from pytestqt.qtbot import QtBot

from pqv_core.comparison.charts import BarChart, Point, ScatterChart, Series
from pqv_core.process import events
from pqv_gui.app.window import MainWindow
from pqv_gui.charts.bar_chart import BarChartView
from pqv_gui.charts.chart import Chart
from pqv_gui.charts.latency_chart import LatencyChart
from pqv_gui.charts.parallel_chart import ParallelChart
from pqv_gui.charts.pareto_chart import ParetoChart, Shown
from pqv_gui.dialogs.shortcut_editor import ShortcutsDialog
from pqv_gui.pages import PAGES
from pqv_gui.services.settings import Settings
from pqv_gui.style.layout_items import layout_items
from pqv_gui.style.theme import DARK, LIGHT, Colors, Mode, Theme
from pqv_gui.viewmodels.results.parallel import Parallel, ParallelAxis
from pqv_gui.viewmodels.run_view import RunView
from tests.qt.conftest import MakeWindow

UNBOUNDED = 524_287
PIXELS = 2  # what rounding twice may make
WIDTHS = 0.06  # a choice is as wide as its longest text, which does not grow quite as its lines do


def built(make_window: MakeWindow, qtbot: QtBot, folder: Path, *, scale: int = 100) -> MainWindow:
    """A window with a project, whose pages have all been shown in this size of text."""
    settings = Settings(folder / "settings.ini")
    settings.text_scale = scale
    settings.flush()
    window = make_window()
    work, project = window.workspace, folder / "projects" / "small.pqv"
    if project.exists():
        work.open(project)
    else:
        work.create(project.parent, project.stem)
    qtbot.waitUntil(lambda: work.models.loaded and work.tasks.active == 0, timeout=20_000)
    for place in PAGES:
        window.commands.go(place)
    qtbot.waitUntil(lambda: work.tasks.active == 0 and work.phones.phones.looked)
    window.commands.go("model")
    return window


def lengths(root: QWidget) -> Iterator[tuple[str, float]]:
    """Every length and size of text within, hidden or not, with what it belongs to."""
    for widget in root.findChildren(QWidget):
        if widget.objectName().startswith("qt_"):  # Qt's own parts
            continue
        widget.ensurePolished()
        name = f"{type(widget).__name__} {widget.accessibleName()} in {type(widget.parentWidget()).__name__}"
        yield f"{name}: text", widget.font().pointSizeF()
        for limit in (widget.minimumSize(), widget.maximumSize()):
            for length in (limit.width(), limit.height()):
                yield f"{name}: limit", length if length < UNBOUNDED else 0
        if isinstance(widget, QTableView):
            yield f"{name}: row", widget.verticalHeader().defaultSectionSize()
        if isinstance(widget, Chart):
            yield from ((f"{name}: axis", size) for size in axis_texts(widget))
        if widget.layout() is not None and widget is not root:
            yield from ((f"{name}: layout", length) for length in of_layout(widget.layout()))


def axis_texts(chart: Chart[object]) -> Iterator[float]:
    for side in ("left", "bottom"):
        axis = chart._item.getAxis(side)
        yield axis.style["tickFont"].pointSizeF()
        yield axis.label.font().pointSizeF()


def of_layout(layout: QLayout | None) -> Iterator[float]:
    if layout is None:
        return
    margins = layout.contentsMargins()
    yield from (margins.left(), margins.top(), margins.right(), margins.bottom())
    grid = isinstance(layout, QGridLayout)
    yield from (layout.horizontalSpacing(), layout.verticalSpacing()) if grid else (layout.spacing(),)
    for item in layout_items(layout):
        if item.layout() is not None:
            yield from of_layout(item.layout())
        if item.spacerItem() is not None:
            yield from (item.spacerItem().sizeHint().width(), item.spacerItem().sizeHint().height())


Lengths = list[tuple[str, float]]


def differences(found: Lengths, wanted: Lengths) -> list[str]:
    pairs = list(zip(found, wanted, strict=True))
    assert [name for name, _ in found] == [name for name, _ in wanted]
    return [f"{name} {a} is not {b}" for (name, a), (_, b) in pairs if abs(a - b) > max(PIXELS, WIDTHS * b)]


@pytest.mark.parametrize("scale", [150, 200])
def test_another_text_size_reaches_all_pages_as_if_they_had_been_built_so(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, scale: int
) -> None:
    fresh = built(make_window, qtbot, tmp_path, scale=scale)
    wanted = list(lengths(fresh.centralWidget()))
    fresh.workspace.close_project()
    fresh.theme.set_text_scale(100)
    window = built(make_window, qtbot, tmp_path)
    window.theme.set_text_scale(scale)
    found = differences(list(lengths(window.centralWidget())), wanted)
    assert found == []


def test_back_and_forth_changes_nothing(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = built(make_window, qtbot, tmp_path)
    before = list(lengths(window.centralWidget()))
    for scale in (115, 130, 150, 175, 200, 130, 115, 100):
        window.theme.set_text_scale(scale)
    assert list(lengths(window.centralWidget())) == before


def test_a_dialog_that_is_open_follows(window: MainWindow, qtbot: QtBot) -> None:
    dialog = ShortcutsDialog(window, window.menus.shortcuts)
    dialog.open()
    window.theme.set_text_scale(150)
    fresh = ShortcutsDialog(window, window.menus.shortcuts)
    fresh.open()
    found = differences(list(lengths(dialog)), list(lengths(fresh)))
    for each in (dialog, fresh):
        assert isinstance(each, QDialog)
        each.close()
        each.deleteLater()
    assert found == []


def test_other_colours_reach_every_page_and_every_chart(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = built(make_window, qtbot, tmp_path)
    window.theme.set_mode("light")
    window.theme.set_mode("dark")
    for page in window.stack.pages.values():
        for widget in page.findChildren(QWidget):
            assert widget.palette().color(QPalette.ColorRole.Window).name() != LIGHT.window, widget
        for chart in page.findChildren(Chart):
            assert chart.plot.backgroundBrush().color().name() == DARK.surface
            assert chart._item.getAxis("bottom").textPen().color().name() == DARK.muted
    window.theme.set_mode("light")


@pytest.mark.parametrize(
    ("mode", "as_seen", "shades"), [("light", False, LIGHT), ("dark", False, LIGHT), ("dark", True, DARK)]
)
@pytest.mark.parametrize("form", ["png", "svg", "clipboard"])
@pytest.mark.parametrize("kind", ["latency", "pareto", "bars", "parallel"])
def test_a_picture_is_light_unless_it_is_wanted_as_it_is_seen(
    qapp: QApplication,
    qtbot: QtBot,
    tmp_path: Path,
    kind: str,
    form: str,
    mode: Mode,
    as_seen: bool,
    shades: Colors,
) -> None:
    theme = Theme(qapp, mode=mode, text_scale=100)
    chart = {"latency": latency, "pareto": pareto, "bars": bars, "parallel": parallel}[kind]()
    qtbot.addWidget(chart)
    chart.resize(600, 400)
    chart.show()
    qtbot.waitUntil(chart.isVisible)
    seen = chart.grab().toImage()
    chart.saver.as_seen.setChecked(as_seen)
    if form == "clipboard":
        chart.saver.copy.trigger()
        image = qapp.clipboard().image()
    else:
        chart.saver.save(tmp_path / f"chart.{form}", form)
        image = picture(tmp_path / f"chart.{form}")
    if kind != "parallel":  # whose lines are drawn in turns
        assert chart.grab().toImage() == seen, "the window has its own colours again"
    theme.set_mode("light")
    theme.deleteLater()
    found = Counter(image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height()))
    assert image.pixelColor(image.width() - 2, 1).name() == shades.surface
    assert found.most_common(1)[0][0] == shades.surface
    assert found[shades.series[0]] > 20, "the first series, in its colour"
    assert found[(LIGHT if shades is DARK else DARK).surface] < 20


def picture(path: Path) -> QImage:
    """A picture as a viewer shows it that knows no style of the system; on pink where there is no ground."""
    if path.suffix == ".png":
        return QImage(str(path))
    renderer = QSvgRenderer(str(path))
    image = QImage(renderer.defaultSize(), QImage.Format.Format_RGB32)
    image.fill(QColor("#ff00ff"))
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    return image


def latency() -> LatencyChart:
    run = RunView()
    run.begin("r")
    run.apply(events.LatencySample(run="r", role="compressed", index=n, ns=(10 + n % 3) * 10**6) for n in range(40))
    chart = LatencyChart()
    chart.draw(run)
    return chart


def pareto() -> ParetoChart:
    points = (Point(10.0, 80.0, "a", "s", front=True), Point(20.0, 90.0, "b", "s", front=True))
    chart = ParetoChart()
    chart.draw(Shown(ScatterChart("pareto", "Accuracy", "latency", "ms", "top-1", "%", points)))
    return chart


def parallel() -> ParallelChart:
    axes = (ParallelAxis("a", ((0.0, "0"), (1.0, "1"))), ParallelAxis("b", ((0.0, "0"), (1.0, "1")), better=True))
    chart = ParallelChart("Lines")
    places = np.array([[0.0, 1.0], [0.5, 0.2]])
    chart.show_chart(Parallel(axes, places, ("one", "two"), (("0", "1"), ("0.5", "0.2")), front=(0,)))
    return chart


def bars() -> BarChartView:
    chart = BarChartView()
    chart.show_chart(BarChart("speed", "Speed", "ms", ("a", "b"), (Series("one", (1.0, 2.0)),)))
    return chart
