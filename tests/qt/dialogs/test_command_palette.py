"""The command palette: everything is found by its letters and done by Enter, with the keyboard alone."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.command_palette import CommandPalette
from pqv_gui.pages import PAGES, in_group
from tests.qt.conftest import MakeWindow


def opened(window: MainWindow, qtbot: QtBot) -> CommandPalette:
    window.activateWindow()  # without a display nobody gives it back
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: bool(palettes(window)))
    (dialog,) = palettes(window)
    qtbot.waitUntil(dialog.line.hasFocus)
    return dialog


def palettes(window: MainWindow) -> list[CommandPalette]:
    return [each for each in window.findChildren(CommandPalette) if each.isVisible()]


def names(dialog: CommandPalette) -> list[str]:
    return [entry.name for entry, _ in dialog.found.found]


def test_a_page_is_gone_to_by_a_few_letters_and_enter(window: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(window, qtbot)
    qtbot.keyClicks(dialog.line, "bckend")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert window.commands.place == "backend"


def test_all_pages_and_all_actions_that_can_be_done_now_are_there(window: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(window, qtbot)
    can = {item.name.rpartition("› ")[2] for item in window.menus.shortcuts if item.action.isEnabled()}
    assert {PAGES[key].label for key in in_group("wizard", "working")} <= set(names(dialog))
    assert can <= set(names(dialog)) and "Summary" in names(dialog)
    assert "Redo" not in names(dialog)
    dialog.reject()


def test_arrows_move_while_one_types_and_the_screen_reader_hears_what_enter_would_do(
    window: MainWindow, qtbot: QtBot
) -> None:
    dialog = opened(window, qtbot)
    qtbot.keyClicks(dialog.line, "device")
    assert dialog.line.accessibleDescription() == "Device, Go, Ctrl+6"
    qtbot.keyClick(dialog.line, Qt.Key.Key_Down)
    assert dialog.line.hasFocus() and dialog.list.currentIndex().row() == 1
    qtbot.keyClick(dialog.line, Qt.Key.Key_Escape)
    assert palettes(window) == []
    assert window.commands.place == "model"


def test_a_setting_is_found_and_its_field_has_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(window, qtbot)
    qtbot.keyClicks(dialog.line, "tolerance fp16")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert window.commands.place == "export"
    qtbot.waitUntil(
        lambda: window.focusWidget() is not None and window.focusWidget().accessibleName() == "Tolerance, FP16"
    )


def test_the_radio_buttons_of_a_setting_have_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    window.commands.show_setting("quantize.precision")
    focused = window.focusWidget()
    assert focused is not None and focused.accessibleName() == "INT8 dynamic"


def test_what_was_chosen_last_comes_first_the_next_time(window: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(window, qtbot)
    qtbot.keyClicks(dialog.line, "compare")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    dialog = opened(window, qtbot)
    assert names(dialog)[0] == "Compare"
    dialog.reject()


def test_without_a_project_recent_ones_are_offered_and_no_settings(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    window.workspace.recents.add(tmp_path / "fish & chips.pqv")
    dialog = opened(window, qtbot)
    assert f"fish & chips – {tmp_path}" in names(dialog)
    assert "Pruning ratio" not in names(dialog) and "Model" not in names(dialog)
    dialog.line.setText("zzzz")
    assert dialog.nothing.isVisible() and dialog.line.accessibleDescription() == dialog.nothing.text()
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.isVisible()
    dialog.reject()
