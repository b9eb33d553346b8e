"""Alt and a letter mean one thing: what a page offers takes no letter of the menus, and none twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from pqv_core.comparison import StoredRun
from pqv_core.project.run_label import RunLabel
from pqv_gui.app.kept_folders import kept_folders
from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.about import AboutDialog
from pqv_gui.dialogs.exported_file import ExportedFileDialog
from pqv_gui.dialogs.settings import SettingsDialog
from pqv_gui.dialogs.shortcut_editor import ShortcutsDialog
from pqv_gui.pages import PAGES
from pqv_gui.pages.compare.page import ComparePage
from tests.fakes.records import record


def letter_of(text: str) -> str:
    found = re.search(r"&(\w)", text.replace("&&", ""))
    return found.group(1).upper() if found else ""


def letters(root: QWidget) -> Counter[str]:
    """The letters of all that is below ``root``, also of what is hidden for now."""
    texts = [each.text() for each in root.findChildren(QAbstractButton)]
    texts += [each.text() for each in root.findChildren(QLabel) if each.buddy() is not None]
    texts += [bar.tabText(index) for bar in root.findChildren(QTabBar) for index in range(bar.count())]
    return Counter(letter for text in texts if (letter := letter_of(text)))


def of_menus(window: MainWindow) -> set[str]:
    return {letter_of(action.text()) for action in window.menuBar().actions()}


@pytest.mark.parametrize("place", list(PAGES))
def test_a_page_takes_no_letter_of_the_menus_and_none_twice(window: MainWindow, qtbot: QtBot, place: str) -> None:
    window.commands.start_run()
    qtbot.waitUntil(
        lambda: window.workspace.run.now.record is not None and not window.workspace.runs.busy, timeout=20_000
    )
    window.commands.go(place)
    central, page = window.centralWidget(), window.stack.current
    frame = letters(central) - sum((letters(other) for other in window.stack.pages.values()), Counter())
    found = letters(page) + frame
    assert found, "a page without any letter"
    assert not of_menus(window) & set(found)
    assert [letter for letter, count in found.items() if count > 1] == []
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


DIALOGS: dict[str, Callable[[MainWindow], object]] = {
    "about": lambda window: AboutDialog(window).open(),
    "settings": lambda window: SettingsDialog(window, window.menus.preferences, kept=kept_folders()).open(),
    "shortcuts": lambda window: ShortcutsDialog(window, window.menus.shortcuts).open(),
    "file": lambda window: ExportedFileDialog(window, name="a.ptl", facts=[("Size", "1 MB")], operators=[]).open(),
    "closing": lambda window: window.close_guard._ask_to_stop(),
    "trash": lambda window: compare_page(window)._ask_to_trash(StoredRun(Path("r"), record(), RunLabel())),
}


def compare_page(window: MainWindow) -> ComparePage:
    window.commands.go("compare")
    page = window.stack.current
    assert isinstance(page, ComparePage)
    return page


@pytest.mark.parametrize("kind", DIALOGS)
def test_a_dialog_takes_no_letter_of_the_menus_and_none_twice(kind: str, window: MainWindow, qtbot: QtBot) -> None:
    DIALOGS[kind](window)
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    found = letters(dialog)
    dialog.close()
    dialog.deleteLater()
    assert found
    assert not of_menus(window) & set(found)
    assert max(found.values()) == 1, found
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
