"""What holds for every page: names for screen readers, an order of Tab that the eye follows, nothing cut off."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.charts.chart import Chart
from pqv_gui.pages import PAGES
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.style.layout_items import layout_items
from pqv_gui.style.theme import DARK, LIGHT, Colors, colors
from pqv_gui.widgets.basics import ElidedLabel

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit,
    QProgressBar, Chart,
)  # fmt: skip
PLACES = list(PAGES)


def is_part_of_another(widget: QWidget) -> bool:
    """Scroll bars, the line inside a spin box, the button that clears a line: Qt's own inner parts."""
    parent = widget.parentWidget()
    return isinstance(widget, QScrollBar) or isinstance(parent, QAbstractSpinBox | QComboBox | QLineEdit)


def controls(root: QWidget) -> list[QWidget]:
    found = [widget for kind in CONTROLS for widget in root.findChildren(kind)]
    return [widget for widget in found if widget.isVisibleTo(root) and not is_part_of_another(widget)]


@pytest.mark.parametrize("place", PLACES)
def test_every_control_has_a_name(place: str, window: MainWindow) -> None:
    window.commands.go(place)
    page = window.stack.page(place)
    nameless = [repr(widget) for widget in controls(window) + controls(page) if not name_of(widget)]
    assert nameless == []


def name_of(widget: QWidget) -> str:
    if isinstance(widget, Chart):
        return widget.plot.accessibleName()
    return widget.accessibleName()


@pytest.mark.parametrize("place", PLACES)
def test_tab_goes_where_the_eye_goes(place: str, window: MainWindow) -> None:
    window.resize(1024, 700)
    window.commands.go(place)
    follows_the_eye(window.stack.page(place))


def follows_the_eye(page: Page) -> None:
    chain = tab_chain(page)
    assert len(chain) >= 1
    positions = [(card_of(widget, page), widget.mapTo(page, QPoint(0, 0))) for widget in chain]
    for (card, before), (next_card, after) in itertools.pairwise(positions):
        if card is next_card:
            assert after.y() > before.y() - 12, f"{before} is followed by {after}, higher up in the same card"
        else:
            top, next_top = (each.mapTo(page, QPoint(0, 0)).y() for each in (card, next_card))
            assert next_top >= top or card.isAncestorOf(next_card) or next_card.isAncestorOf(card)


def tab_chain(page: Page) -> list[QWidget]:
    chain, widget = [], page.nextInFocusChain()
    while widget is not page:
        wanted = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if wanted and page.isAncestorOf(widget) and widget.isVisibleTo(page) and not is_part_of_another(widget):
            chain.append(widget)
        widget = widget.nextInFocusChain()
    return chain


def card_of(widget: QWidget, page: Page) -> QWidget:
    """The frame around a control."""
    parent = widget.parentWidget()
    while parent is not page and parent.property("role") != "card":
        parent = parent.parentWidget()
    return parent


def cut_off(root: QWidget) -> list[str]:
    """Texts that do not fit into their widgets."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisibleTo(root) or isinstance(widget, ElidedLabel):
            continue
        if isinstance(widget, QLabel) and widget.text() and widget.textFormat() != Qt.TextFormat.RichText:
            needed = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            too_wide = not widget.wordWrap() and widget.sizeHint().width() > widget.width() + 1
            if too_wide or needed > widget.height() + 1:
                found.append(f"label {widget.text()[:50]!r} {widget.size()} needs {widget.sizeHint()}")
        if isinstance(widget, QPushButton) and widget.text():
            text = QFontMetrics(widget.font()).horizontalAdvance(widget.text().replace("&", ""))
            if text > widget.width():
                found.append(f"button {widget.text()!r}")
    return found


@pytest.mark.parametrize(
    ("size", "scale"),
    [((1024, 700), 100), ((1024, 700), 150), ((1280, 800), 100), ((1280, 800), 150), ((1920, 1080), 200)],
)
def test_nothing_is_cut_off(size: tuple[int, int], scale: int, window: MainWindow, qtbot: QtBot) -> None:
    window.theme.set_text_scale(scale)
    window.resize(*size)
    for place in PLACES:
        window.commands.go(place)
        page = window.stack.page(place)
        settle(window, page, qtbot)
        assert cut_off(window) == [], place
        assert page.column.width() <= page.scroller.viewport().width(), place


def settle(window: MainWindow, page: Page, qtbot: QtBot) -> None:
    """Give the layouts the passes they need; what is still wrong then is told by the asserts that follow."""

    def settled() -> bool:
        window.grab()
        return not cut_off(window) and page.column.width() <= page.scroller.viewport().width()

    with contextlib.suppress(qtbot.TimeoutError):
        qtbot.waitUntil(settled, timeout=2_000)


def test_colours_follow_the_choice(window: MainWindow) -> None:
    window.theme.set_mode("dark")
    assert colors(window) is DARK
    window.theme.set_mode("light")
    assert colors(window) is LIGHT


def luminance(color: str) -> float:
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.1."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("shades", [LIGHT, DARK])
def test_text_and_lines_can_be_told_from_what_they_stand_on(shades: Colors) -> None:
    for ground in (shades.surface, shades.window, shades.sunken):
        for ink in (shades.text, shades.muted, shades.accent, shades.good, shades.warning, shades.bad):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    for line in (*shades.series, shades.edge):
        assert contrast(line, shades.surface) >= 3.0, line
    assert contrast(shades.on_accent, shades.accent) >= 4.5


def test_settings_are_kept_and_damaged_ones_are_not_trusted(window: MainWindow) -> None:
    settings = window.workspace.settings
    for item in window.menus.shortcuts:
        if item.name in ("Colours › Dark", "Text size › 130 %"):
            item.action.trigger()
    assert (settings.mode, settings.text_scale) == ("dark", 130)
    settings._stored.setValue("view/mode", "pink")
    settings._stored.setValue("view/text_scale", "large")
    assert (settings.mode, settings.text_scale) == ("system", 100)


def test_an_error_that_nobody_caught_is_shown_with_details_to_copy(window: MainWindow) -> None:

    try:
        raise ValueError("a bug")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    banner = window.stack.current.banner
    assert banner.isVisible()
    assert "unexpected error" in banner.message.text()
    assert "ValueError: a bug" in banner.details.toPlainText()


def fits(page: Page) -> bool:
    return page.scroller.widget().width() == page.scroller.viewport().width()


def require_fit(page: Page) -> None:
    wide = [
        f"{type(child).__name__} {child.objectName()} {child.width()}"
        for child in page.scroller.widget().findChildren(QWidget)
        if child.isVisible() and child.minimumSizeHint().width() > page.scroller.viewport().width()
    ]
    assert fits(page), f"{page}: {wide}"


@pytest.mark.parametrize("percent", [100, 200])
def test_no_page_is_wider_than_the_window(window: MainWindow, qtbot: QtBot, percent: int) -> None:
    window.commands.start_run()
    runs = window.workspace.runs
    qtbot.waitUntil(lambda: runs.view.now.record is not None and not runs.busy, timeout=20_000)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
    window.theme.set_text_scale(percent)
    window.resize(1024, 700)
    for place in PAGES:
        window.commands.go(place)
        qtbot.waitUntil(lambda: require_fit(window.stack.current))
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_a_tall_window_leaves_its_room_below_the_cards(window: MainWindow, qtbot: QtBot) -> None:
    window.commands.start_run()
    runs = window.workspace.runs
    qtbot.waitUntil(lambda: runs.view.now.record is not None and not runs.busy, timeout=20_000)
    window.resize(1600, 3000)
    for place in PAGES:
        window.commands.go(place)
        page = window.stack.current
        settle(window, page, qtbot)
        heights = [item.geometry().height() for item in layout_items(page.body)]
        left = page.scroller.viewport().height() - page.body.sizeHint().height()
        assert heights[-1] > 0.9 * left, place
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


FIRST_WINDOW = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from pqv_gui.main import build
from pqv_gui.services.settings import Settings
app = QApplication([])
settings = Settings(Path(sys.argv[1]) / "settings.ini")
settings.text_scale = int(sys.argv[2])
window, presenter = build(app, settings=settings)
window.show()
app.processEvents()
room = window.screen().availableGeometry().size()
print(json.dumps([window.frameGeometry().width(), window.frameGeometry().height(), room.width(), room.height()]))
presenter.uninstall()
window.workspace.close()
"""


@pytest.mark.parametrize("text", [100, 150, 200])
@pytest.mark.parametrize("scale", ["1", "1.5", "2"])
@pytest.mark.parametrize("screen", [(1920, 1080), (1366, 768)])
def test_the_first_window_fits_the_screen_at_every_scale(
    tmp_path: Path, screen: tuple[int, int], scale: str, text: int
) -> None:
    (tmp_path / "screens.json").write_text(json.dumps({"screens": [one_screen(*screen)]}))
    platform = f"offscreen:configfile={tmp_path / 'screens.json'}"
    done = subprocess.run(
        [sys.executable, "-c", FIRST_WINDOW, str(tmp_path), str(text)],
        env={**os.environ, "QT_QPA_PLATFORM": platform, "QT_SCALE_FACTOR": scale},
        stdout=subprocess.PIPE,
        check=True,
    )
    width, height, widest, highest = json.loads(done.stdout)
    assert width <= widest
    assert height <= highest


def one_screen(width: int, height: int) -> dict[str, object]:
    size = {"name": "One", "x": 0, "y": 0, "width": width, "height": height}
    return {**size, "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}


def test_larger_text_does_not_make_the_window_larger_than_the_screen(window: MainWindow) -> None:
    room = window.screen().availableSize()
    window.resize(room)
    window.theme.set_text_scale(200)
    assert window.width() <= room.width()
    assert window.height() <= room.height()
    assert window.minimumHeight() <= room.height()


@pytest.mark.parametrize(("wide", "scale"), [(1100, 200), (1020, 100), (1600, 150)])
def test_every_menu_is_to_be_seen_and_the_project_has_what_is_left(
    window: MainWindow, qtbot: QtBot, wide: int, scale: int
) -> None:
    window.theme.set_text_scale(scale)
    window.resize(wide, 660)
    qtbot.waitUntil(lambda: window.width() == wide)
    bar = window.menuBar()
    places = [bar.actionGeometry(action) for action in bar.actions()]
    assert all(place.width() > 0 for place in places)
    assert max(place.right() for place in places) < window.menus.corner.geometry().left()
    assert window.menus.corner.width() > 0
