"""Rows of a list: a name, beside it a short word or figure, and below it a smaller line of detail."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from pqv_gui.style.theme import colors, em

Index = QModelIndex | QPersistentModelIndex


class TwoLineDelegate(QStyledItemDelegate):
    """Draws the display role, below it the role ``DETAIL``, and at the right ``ASIDE``, where there is any."""

    DETAIL = Qt.ItemDataRole.UserRole + 1
    ASIDE = Qt.ItemDataRole.UserRole + 2

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._base: QFont | None = None
        self._made = (QFont(), QFont(), QFont())

    def aside(self, option: QStyleOptionViewItem, index: Index) -> str:
        """What stands at the right of a row's name."""
        return str(index.data(self.ASIDE) or "")

    def inner(self, row: QRect) -> QRect:
        """Where in a row its texts are."""
        beside, above = em(times=0.6), em(times=0.25)
        return row.adjusted(beside, above, -beside, -above)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The same for all rows."""
        return QSize(em(times=12), em(times=2.7))

    def _fonts(self, font: QFont) -> tuple[QFont, QFont, QFont]:
        """Of the name, of the chosen one's, and of the detail; made once, for Qt looks long for a new one."""
        if font != self._base:
            bold, small = QFont(font), QFont(font)
            bold.setBold(True)
            small.setPointSizeF(font.pointSizeF() * 0.92)
            self._base, self._made = QFont(font), (QFont(font), bold, small)
        return self._made

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        shades = colors()
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(shades.accent_soft if chosen else shades.sunken))
        if chosen:
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(shades.accent))
        inner = self.inner(rect)
        upper = QRect(inner.left(), inner.top(), inner.width(), inner.height() // 2)
        lower = QRect(inner.left(), inner.center().y(), inner.width(), inner.height() // 2)
        plain, bold, small = self._fonts(painter.font())
        if aside := self.aside(option, index):
            painter.setFont(plain)
            painter.setPen(QColor(shades.muted))
            painter.drawText(upper, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, aside)
            upper.setRight(upper.right() - painter.fontMetrics().horizontalAdvance(aside) - em(times=0.6))
        painter.setFont(bold if chosen else plain)
        painter.setPen(QColor(shades.text))
        _draw(painter, upper, str(index.data()))
        painter.setFont(small)
        painter.setPen(QColor(shades.muted))
        _draw(painter, lower, str(index.data(self.DETAIL)))
        painter.restore()


def _draw(painter: QPainter, area: QRect, text: str) -> None:
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
