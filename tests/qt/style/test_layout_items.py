"""Looking at a layout leaves nothing that is taken for something else later."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import getCppPointer

from pqv_gui.style.layout_items import layout_items


def address(thing: object) -> int:
    return int(getCppPointer(thing)[0])  # type: ignore[call-overload]


def test_what_is_made_where_an_item_was_is_itself(qapp: QApplication, qtbot: QtBot) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    layout, menu = QVBoxLayout(host), QMenu(host)
    again = 0
    for _ in range(20):
        widgets = [QWidget() for _ in range(200)]
        for widget in widgets:
            layout.addWidget(widget)
        items = {address(item) for item in layout_items(layout)}
        for widget in widgets:
            widget.deleteLater()
        del widgets, widget
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        actions = [menu.addAction("x") for _ in range(500)]
        assert all(type(action) is QAction for action in actions)
        again += sum(address(action) in items for action in actions)
    assert again, "nothing was made at the address of an item, so nothing was tried"


def test_a_layout_within_stays_usable(qtbot: QtBot) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    layout, inner = QVBoxLayout(host), QHBoxLayout()
    layout.addLayout(inner)
    layout.addSpacing(7)
    inner.addWidget(QWidget())
    assert [item.layout() for item in layout_items(layout)] == [inner, None]
    assert inner.count() == 1
