"""The “?” beside a term: reached by the keyboard, read by a screen reader, and a way into the guide."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.guide import GuideDialog
from pqv_gui.widgets.basics import label
from pqv_gui.widgets.term_mark import TermMark, TermPopup, with_mark


def mark(window: MainWindow, place: str, term: str) -> TermMark:
    window.commands.go(place)
    marks = window.stack.current.findChildren(TermMark)
    return next(each for each in marks if each.accessibleName() == f"What is “{term}”?")


def popup() -> TermPopup:
    shown = QApplication.activePopupWidget()
    assert isinstance(shown, TermPopup)
    return shown


@pytest.mark.parametrize(
    ("place", "term"),
    [
        ("prune", "Taylor"),
        ("prune", "Pruning ratio"),
        ("backend", "QNNPACK"),
        ("backend", "Engine"),
        ("export", "Parity"),
    ],
)
def test_terms_are_explained_where_they_stand(window: MainWindow, qtbot: QtBot, place: str, term: str) -> None:
    qtbot.keyClick(mark(window, place, term), Qt.Key.Key_Space)
    shown = popup()
    assert shown.accessibleName().startswith(f"{term}. ")
    assert shown.link.hasFocus() and shown.link.accessibleName().startswith(f"{term}: ")
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None


def test_the_link_leads_into_the_guide(window: MainWindow, qtbot: QtBot) -> None:
    mark(window, "prune", "Merged tokens").click()
    qtbot.keyClick(popup().link, Qt.Key.Key_Space)
    (guide,) = window.findChildren(GuideDialog)
    assert guide.isVisible() and guide.text.toPlainText().startswith("Merged tokens")
    assert QApplication.activePopupWidget() is None


def test_a_mark_on_a_choice_does_not_choose(window: MainWindow, qtbot: QtBot) -> None:
    before = window.workspace.session.get("quantize.precision")
    qtbot.mouseClick(mark(window, "backend", "INT4"), Qt.MouseButton.LeftButton)
    popup().close()
    assert window.workspace.session.get("quantize.precision") == before


def test_what_the_glossary_does_not_have_has_no_mark(qapp: QApplication) -> None:
    plain: QWidget = label("Anything")
    assert with_mark(plain, "no such thing") is plain
    plain.deleteLater()
