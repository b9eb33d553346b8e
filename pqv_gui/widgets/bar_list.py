"""Bars beside their names and figures, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.results.bar_row import BarRow

_PITCH = 1.7  # lines of text a bar
_NAMES = 0.4  # most of the width that names may take


class BarList(QWidget):
    """Draws bars; the longest takes the room that names and figures leave.

    Attributes:
        beside: Lists with whose bars these are compared: all have one scale, and begin at the same place.

    Args:
        name: What a screen reader says of all of them.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._bars: Sequence[BarRow] = ()
        self._color = 0
        self.beside: Sequence[BarList] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def show_bars(self, bars: Sequence[BarRow], *, color: int = 0) -> None:
        """Show other bars.

        Args:
            color: Number of their colour among those of charts.
        """
        if list(bars) != list(self._bars) or color != self._color:
            self._bars, self._color = bars, color
            for other in self.beside:
                other.update()
            self.setAccessibleDescription("; ".join(f"{bar.name}: {bar.words}" for bar in bars))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """One line of text a bar."""
        return QSize(em(self, 12), max(1, round(len(self._bars) * em(self, _PITCH))))

    def minimumSizeHint(self) -> QSize:
        """The same height."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bars."""
        if not self._bars:
            return
        shades, painter = colors(self), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        every = [bar for each in {self, *self.beside} for bar in each._bars]
        widest = max(metrics.horizontalAdvance(bar.name) for bar in every)
        names = min(widest, round(self.width() * _NAMES)) + em(self, 0.8)
        figures = max(metrics.horizontalAdvance(bar.words) for bar in every) + em(self, 0.8)
        room = max(1.0, self.width() - names - figures)
        unit = room / (max(max(bar.length, bar.behind) for bar in every) or 1.0)
        pitch = self.height() / len(self._bars)
        for index, bar in enumerate(self._bars):
            line = QRectF(0, index * pitch, self.width(), pitch)
            painter.setPen(QColor(shades.muted))
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideMiddle, round(names - em(self, 0.5)))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
            painter.setPen(Qt.PenStyle.NoPen)
            own = shades.series[self._color % len(shades.series)]
            for length, shade in ((bar.behind, shades.border), (bar.length, own)):
                painter.setBrush(QColor(shade))
                painter.drawRoundedRect(QRectF(names, line.top() + pitch * 0.23, unit * length, pitch * 0.54), 3, 3)
            painter.setPen(QColor(shades.text))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, bar.words)
