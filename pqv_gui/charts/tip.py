"""What a chart says of the point below the pointer: beside that point, as long as the pointer is there.

No window of its own, as a ``QToolTip`` is: that would come to lie below the pointer, and the chart would be left.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QLabel, QWidget

_BESIDE = 10  # pixels from the point
_WIDEST = 0.8  # share of the chart's width


class Tip(QLabel):
    """A line or two over a chart; the pointer goes through it."""

    def __init__(self, chart: QWidget) -> None:
        super().__init__(chart)
        self._chart = chart
        self.setProperty("role", "tip")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, text: str, at: QPoint) -> None:
        """Say ``text`` beside a place of the chart, where there is room; an empty one says nothing any more."""
        if not text:
            self.hide()
            return
        self.setText(text)
        size, room = self._fitting(), self._chart.size()
        right, below = at.x() + _BESIDE, at.y() + _BESIDE
        x = right if right + size.width() <= room.width() else max(0, at.x() - _BESIDE - size.width())
        y = below if below + size.height() <= room.height() else max(0, at.y() - _BESIDE - size.height())
        self.setGeometry(x, y, size.width(), size.height())
        self.raise_()
        self.show()

    def _fitting(self) -> QSize:
        self.setWordWrap(False)
        wanted, widest = self.sizeHint(), round(_WIDEST * self._chart.width())
        if wanted.width() <= widest:
            return wanted
        self.setWordWrap(True)
        return QSize(widest, self.heightForWidth(widest))
