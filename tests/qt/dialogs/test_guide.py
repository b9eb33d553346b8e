"""The guide: where F1 and links lead, going back, and the search."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QTreeWidgetItemIterator
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from pqv_core.errors import StorageError
from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.guide import GuideDialog
from pqv_gui.pages import PAGES
from pqv_gui.viewmodels import guide


def opened(window: MainWindow) -> GuideDialog:
    (found,) = window.findChildren(GuideDialog)
    assert found.isVisible()
    return found


def chapter(dialog: GuideDialog) -> str:
    """What is at the place to which the text was scrolled."""
    return dialog.text.textCursor().block().text()


def entries(dialog: GuideDialog) -> list[str]:
    each, found = QTreeWidgetItemIterator(dialog.contents), []
    while (item := each.value()) is not None:
        found.append(item.text(0))
        each += 1
    return found


@pytest.mark.parametrize("place", ["model", "prune", "device"])
def test_f1_opens_the_chapter_of_the_page_that_is_shown(window: MainWindow, qtbot: QtBot, place: str) -> None:
    window.commands.go(place)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert chapter(opened(window)) == PAGES[place].label
    current = opened(window).contents.currentItem()
    assert current is not None and current.text(0) == PAGES[place].label


def test_a_second_time_the_same_window_shows_the_chapter_of_another_page(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F1)
    window.commands.go("backend")
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert chapter(opened(window)) == "Backend"


def over_a_dialog(window: MainWindow, qtbot: QtBot) -> None:
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    qtbot.waitUntil(box.isActiveWindow)
    qtbot.keyClick(box, Qt.Key.Key_F1)
    found = opened(window)
    assert found.parentWidget() is box, "else it could not be used"
    assert chapter(found) == "Model"
    box.reject()
    qtbot.waitUntil(lambda: not isValid(box))
    assert opened(window).parentWidget() is window


def test_f1_opens_the_guide_over_a_modal_dialog_too_and_it_outlives_the_dialog(
    window: MainWindow, qtbot: QtBot
) -> None:
    over_a_dialog(window, qtbot)
    over_a_dialog(window, qtbot)
    window.menus.guide._guide.close()  # type: ignore[union-attr]


def test_an_address_leads_to_a_heading_or_a_term(window: MainWindow) -> None:
    assert QDesktopServices.openUrl(QUrl("guide:latency-tables.md#how-a-budget-is-kept"))
    assert chapter(opened(window)) == "How a budget is kept"
    assert QDesktopServices.openUrl(QUrl("guide:glossary.md#parity"))
    assert chapter(opened(window)) == "Parity"


def test_links_are_followed_and_one_goes_back_and_forward(window: MainWindow) -> None:
    window.menus.guide.show_place(guide.GUIDE, "prune")
    dialog = opened(window)
    dialog.text.anchorClicked.emit(QUrl("merged-tokens.md"))
    assert dialog.text.toPlainText().startswith("Merged tokens")
    assert dialog.back.isEnabled() and not dialog.forward.isEnabled()
    dialog.back.click()
    assert chapter(dialog) == "Prune"
    dialog.forward.click()
    assert dialog.text.toPlainText().startswith("Merged tokens")
    dialog.text.anchorClicked.emit(QUrl("gone.md"))
    assert "gone.md" in dialog.text.toPlainText()


def test_a_search_finds_chapters_by_what_is_in_them_and_enter_opens_the_first(window: MainWindow, qtbot: QtBot) -> None:
    window.menus.guide.open_here()
    dialog = opened(window)
    qtbot.keyClicks(dialog.search, "usb debugging")
    assert "Device" in entries(dialog) and "Prune" not in entries(dialog)
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert chapter(dialog) == "Device"
    dialog.search.setText("no such words anywhere")
    assert dialog.nothing.isVisible() and entries(dialog) == []


def test_an_installation_without_documents_says_so_in_the_page(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def gone() -> Path:
        raise StorageError("A program file is missing.", action="Reinstall PQV-Mobile.")

    monkeypatch.setattr(guide, "docs", gone)
    window.menus.guide.open_here()
    assert window.findChildren(GuideDialog) == []
    assert window.stack.current.banner.message.text() == "A program file is missing."
