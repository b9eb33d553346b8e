"""Each block's widths before and after pruning, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_gui.i18n import tr
from pqv_gui.theme import colors, em


@dataclass(frozen=True)
class Bar:
    """One width."""

    name: str
    before: int
    after: int


class WidthBars(QWidget):
    """A pale bar for the width before, a strong one in front of it for the width after, and both figures."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Sequence[Bar] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Widths before and after pruning"))

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Show other widths."""
        if bars != self._bars:
            self._bars = bars
            spoken = (f"{bar.name}: {bar.before:,} to {bar.after:,}" for bar in bars)
            self.setAccessibleDescription("; ".join(spoken))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """One line of text a bar."""
        return QSize(em(self, 12), max(1, round(len(self._bars) * em(self, 1.75))))

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
        names = max(metrics.horizontalAdvance(bar.name) for bar in self._bars) + em(self, 0.8)
        figures = max(metrics.horizontalAdvance(_figures(bar)) for bar in self._bars) + em(self, 0.8)
        longest = max(1.0, self.width() - names - figures)
        most = max(bar.before for bar in self._bars)
        pitch = self.height() / len(self._bars)
        for index, bar in enumerate(self._bars):
            top, height = index * pitch + pitch * 0.22, pitch * 0.56
            line = QRectF(0, index * pitch, self.width(), pitch)
            painter.setPen(QColor(shades.muted))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, bar.name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(shades.border))
            painter.drawRoundedRect(QRectF(names, top, longest * bar.before / most, height), 3, 3)
            painter.setBrush(QColor(shades.series[0]))
            painter.drawRoundedRect(QRectF(names, top, longest * bar.after / most, height), 3, 3)
            painter.setPen(QColor(shades.text))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, _figures(bar))


def _figures(bar: Bar) -> str:
    return f"{bar.before:,} → {bar.after:,}" if bar.after != bar.before else f"{bar.before:,}"
