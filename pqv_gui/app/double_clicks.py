"""What follows a double-click: its second half is for what its first half met, and for nothing else.

Where the first click brings up another page, Qt gives the second to whatever lies there by then.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget


class DoubleClicks(QObject):
    """Watches a window's mouse, and keeps from it the second half of a double-click that would meet another widget."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._before: QWidget | None = None  # what the press before the last one met
        self._last: QWidget | None = None
        self._kept_back = False  # the release that is to come belongs to a press that was kept back
        window.winId()  # has the system's window made
        window.windowHandle().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See each event of the window before its widgets do; True where they are not to have it."""
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress:
            assert isinstance(event, QMouseEvent)
            self._before, self._last = self._last, self._window.childAt(event.position().toPoint())
        elif kind == QEvent.Type.MouseButtonDblClick:  # follows the press that it is made of
            self._kept_back = self._before is not self._last
            return self._kept_back
        elif kind == QEvent.Type.MouseButtonRelease and self._kept_back:
            self._kept_back = False
            return True
        return False
