"""The names of a chart's curves with their newest figures."""

from __future__ import annotations

from dataclasses import dataclass

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_gui.style.theme import colors, em, scaled_font


@dataclass(frozen=True)
class LegendEntry:
    """One curve, or one kind of marks, whose shape is drawn instead of a line: a square for ``s``, and so on."""

    name: str
    value: str
    color: str
    dashed: bool
    mark: str = ""


class Legend(QWidget):
    """Entries in as many lines as they need. New figures are painted only: the page is not laid out anew."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._entries: tuple[LegendEntry, ...] = ()
        self._lines = 1

    def show_entries(self, entries: tuple[LegendEntry, ...]) -> None:
        """Show other entries or other figures."""
        if entries != self._entries:
            self._entries = entries
            self._fit()
            self.update()

    def sizeHint(self) -> QSize:
        """As high as its lines."""
        return QSize(em(self, 8), round(self._lines * em(self, 1.05)))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        self._fit()

    def _fit(self) -> None:
        places = self._places()
        lines = 1 + max((line for _, line in places), default=0)
        if lines != self._lines:
            self._lines = lines
            self.updateGeometry()

    def _places(self) -> list[tuple[float, int]]:
        """Where each entry begins: x in pixels, and its line."""
        plain, bold = (QFontMetrics(scaled_font(self, 0.92, bold=strong)) for strong in (False, True))
        # Figures change; room is kept for the longest likely one, so that nothing jumps.
        room = bold.horizontalAdvance("8,888 ms")
        places, x, line = [], 0.0, 0
        for entry in self._entries:
            width = em(self, 1.9) + plain.horizontalAdvance(entry.name) + (0 if entry.mark else room)
            if x and x + width > self.width():
                x, line = 0.0, line + 1
            places.append((x, line))
            x += width + em(self, 0.6)
        return places

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the entries."""
        shades, painter = colors(self), QPainter(self)
        plain, bold = scaled_font(self, 0.92), scaled_font(self, 0.92, bold=True)
        height, unit = em(self, 1.05), em(self)
        for entry, (x, line) in zip(self._entries, self._places(), strict=True):
            middle = (line + 0.5) * height
            pen = QPen(QColor(entry.color), 2.5)
            if entry.dashed:
                pen.setDashPattern([2.0, 1.2])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            if entry.mark:
                _draw_mark(painter, entry, QPointF(x + unit * 0.6, middle), unit * 0.36)
            else:
                painter.drawLine(QPointF(x + 1, middle), QPointF(x + unit * 1.1, middle))
            painter.setFont(plain)
            painter.setPen(QColor(shades.muted))
            left = x + unit * 1.4
            baseline = middle + painter.fontMetrics().ascent() / 2 - 1
            painter.drawText(QPointF(left, baseline), entry.name)
            left += painter.fontMetrics().horizontalAdvance(entry.name) + unit * 0.35
            painter.setFont(bold)
            painter.setPen(QColor(shades.text))
            painter.drawText(QPointF(left, baseline), entry.value)


def _draw_mark(painter: QPainter, entry: LegendEntry, middle: QPointF, size: float) -> None:
    """A shape as pyqtgraph draws it."""
    symbol = Symbols[entry.mark]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(entry.color))
    painter.translate(middle)
    painter.scale(2 * size, 2 * size)
    painter.drawPath(symbol)
    painter.restore()
