"""Columns that fold where there is no room."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from pqv_gui.style.layout_items import layout_items
from pqv_gui.style.theme import em


class FoldingColumns(QWidget):
    """Widgets side by side, or one below the other where the width does not do.

    Args:
        fold_below: Width, in lines of text, below which they are stacked.
    """

    def __init__(self, widgets: Iterable[tuple[QWidget, int]], *, fold_below: float, gap: float = 0.8) -> None:
        super().__init__()
        self._fold_below = fold_below
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(em(times=gap))
        for widget, share in widgets:
            self._layout.addWidget(widget, share)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or unfold."""
        folded = event.size().width() < em(self, self._fold_below)
        direction = QBoxLayout.Direction.TopToBottom if folded else QBoxLayout.Direction.LeftToRight
        if direction != self._layout.direction():
            self._layout.setDirection(direction)
        super().resizeEvent(event)

    def minimumSizeHint(self) -> QSize:
        """As narrow as its widest part, for it can fold."""
        hint = super().minimumSizeHint()
        widths = [item.minimumSize().width() for item in layout_items(self._layout)]
        hint.setWidth(max(widths, default=0))
        return hint
