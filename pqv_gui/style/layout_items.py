"""The items of a layout, looked at without leaving a trace."""

from __future__ import annotations

from collections.abc import Iterator

import shiboken6
from PySide6.QtWidgets import QLayout, QLayoutItem


def layout_items(layout: QLayout) -> Iterator[QLayoutItem]:
    """The items, each to be used only until the next is asked for.

    PySide keeps the Python object of an item that ``itemAt`` has given for as long as the layout lives, yet Qt deletes
    the item itself together with its widget and tells nobody. Whatever is made at the same address later is then taken
    for that item: an action of a menu becomes a ``QWidgetItem`` without ``triggered``. So each is let go of at once. A
    layout within is a QObject, whose end PySide hears of. Needed until PySide lets go of them itself (seen in 6.11.3).
    """
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item is None:
            continue
        yield item
        if not isinstance(item, QLayout):
            shiboken6.invalidate(item)
