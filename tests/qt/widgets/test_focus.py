"""The keyboard stays where the hand is when its control is disabled, hidden or removed; real keys press it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.pages.device.page import DevicePage
from pqv_gui.pages.run.page import RunPage
from tests.qt.conftest import MakeWindow

SOON_MS = 20_000
TINY = Path(__file__).parents[2] / "data" / "tiny.ptl"
Opened = Callable[[str], tuple[MainWindow, RunPage]]


@pytest.fixture
def opened(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> Opened:
    """A project whose runs play a scene, on the Run page."""

    def make(scene: str) -> tuple[MainWindow, RunPage]:
        window = make_window(scene)
        window.workspace.create(tmp_path / "projects", "small")
        qtbot.waitUntil(lambda: window.workspace.can_run)
        window.commands.go("run")
        page = window.stack.current
        assert isinstance(page, RunPage)
        return window, page

    return make


def press(widget: QWidget) -> None:
    """Have the keyboard and press Space."""
    widget.setFocus()
    assert widget.hasFocus()
    QTest.keyClick(widget, Qt.Key.Key_Space)


def quiet(window: MainWindow, qtbot: QtBot) -> None:
    work = window.workspace
    qtbot.waitUntil(lambda: not work.runs.busy and work.tasks.active == 0, timeout=SOON_MS)


def focused(window: MainWindow) -> str:
    widget = window.focusWidget()
    return widget.accessibleName() if widget is not None else ""


def button(root: QWidget, *words: str) -> QPushButton:
    """The button whose accessible name has all these words."""
    buttons = (each for each in root.findChildren(QPushButton) if each.isVisible())
    return next(each for each in buttons if all(word in each.accessibleName() for word in words))


def test_run_and_cancel_take_turns(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened("hang")
    press(page.start)
    qtbot.waitUntil(page.cancel.hasFocus)
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)
    assert page.cancel.hasFocus()
    QTest.keyClick(page.cancel, Qt.Key.Key_Space)
    quiet(window, qtbot)
    qtbot.waitUntil(page.start.hasFocus)


def test_a_run_that_ends_by_itself_gives_the_keyboard_back_to_run(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened("good")
    press(page.start)
    quiet(window, qtbot)
    qtbot.waitUntil(page.start.hasFocus)


def test_run_in_the_summary_waits_for_its_turn_and_nothing_else_is_pressed(opened: Opened, qtbot: QtBot) -> None:
    window, _ = opened("hang")
    window.resize(1280, 800)
    start = window.summary.start
    press(start)
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)
    focus = window.focusWidget()
    assert focus is not None
    assert focus.isAncestorOf(start)
    QTest.keyClick(focus, Qt.Key.Key_Space)
    assert window.workspace.run.state == "running"
    window.workspace.runs.cancel()
    quiet(window, qtbot)
    qtbot.waitUntil(start.hasFocus)


def test_who_has_gone_on_meanwhile_is_left_alone(opened: Opened, qtbot: QtBot) -> None:
    window, _ = opened("hang")
    window.resize(1280, 800)
    press(window.summary.start)
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)
    other = window.steps.buttons["prune"]
    other.setFocus()
    window.workspace.runs.cancel()
    quiet(window, qtbot)
    assert other.hasFocus()


def waiting(window: MainWindow, qtbot: QtBot, *ratios: float) -> None:
    """Run the first; the others wait."""
    for ratio in ratios:
        window.workspace.session.set("prune.ratio", ratio)
        window.workspace.start_run()
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)


def test_remove_in_the_queue_leads_to_what_takes_its_place(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened("hang")
    waiting(window, qtbot, 0.125, 0.25, 0.375, 0.5)
    before = page.scroller.verticalScrollBar().value()
    press(button(page.queue, "Remove", "37.5 %"))
    qtbot.waitUntil(lambda: focused(window).startswith("Remove") and "50.0 %" in focused(window))
    QTest.keyClick(button(page.queue, "Remove", "50.0 %"), Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: focused(window).startswith("Remove") and "25.0 %" in focused(window))
    assert page.scroller.verticalScrollBar().value() == before
    window.workspace.runs.cancel()
    quiet(window, qtbot)


def test_when_a_queued_run_starts_the_keyboard_stays_with_its_run(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened("hang")
    waiting(window, qtbot, 0.125, 0.25, 0.375, 0.5)
    button(page.queue, "Remove", "37.5 %").setFocus()
    runs = window.workspace.runs
    runs.cancel()
    qtbot.waitUntil(lambda: bool(runs.queue.pause) and not runs.busy, timeout=SOON_MS)
    runs.go_on()
    qtbot.waitUntil(lambda: runs.view.state == "running" and len(runs.queue.waiting) == 2, timeout=SOON_MS)
    qtbot.waitUntil(lambda: focused(window).startswith("Remove") and "37.5 %" in focused(window))
    runs.cancel()
    quiet(window, qtbot)


def device_page(window: MainWindow, qtbot: QtBot) -> DevicePage:
    window.commands.go("device")
    page = window.stack.current
    assert isinstance(page, DevicePage)
    qtbot.waitUntil(lambda: page.desk.phones.looked)
    return page


def test_remove_in_the_list_of_files_leads_to_the_next(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    window, _ = opened("good")
    page = device_page(window, qtbot)
    for name in ("a.ptl", "b.ptl"):
        (tmp_path / name).write_bytes(TINY.read_bytes())
        page.add_file(tmp_path / name)
    qtbot.waitUntil(lambda: page.files.row(tmp_path / "a.ptl").isVisible())
    press(button(page, "Remove: a.ptl"))
    qtbot.waitUntil(lambda: focused(window) == "Remove: b.ptl")
    QTest.keyClick(button(page, "Remove: b.ptl"), Qt.Key.Key_Space)
    qtbot.waitUntil(page.add.hasFocus)


def test_connect_and_remove_of_a_phone_keep_to_their_card(opened: Opened, qtbot: QtBot) -> None:
    window, _ = opened("good")
    page = device_page(window, qtbot)
    press(page.wifi)
    assert page.address.text.hasFocus()
    QTest.keyClicks(page.address.text, "127.0.0.1:9")
    press(page.address.connect_button)
    qtbot.waitUntil(page.wifi.hasFocus)
    press(button(page.phones, "Remove: 127.0.0.1:9"))
    qtbot.waitUntil(lambda: focused(window).startswith("This computer"))
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    assert focused(window) == page.add.accessibleName(), "Tab goes on below"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_push_and_cancel_take_turns(opened: Opened, qtbot: QtBot) -> None:
    window, _ = opened("hang")
    page = device_page(window, qtbot)
    page.add_file(TINY)
    page.phones.card("local").tick.click()
    press(page.start)
    qtbot.waitUntil(page.cancel.hasFocus)
    qtbot.waitUntil(lambda: bool(page.desk.run.series), timeout=SOON_MS)
    with qtbot.waitSignal(page.desk.ended, timeout=SOON_MS):
        QTest.keyClick(page.cancel, Qt.Key.Key_Space)
    qtbot.waitUntil(page.start.hasFocus)
    quiet(window, qtbot)
