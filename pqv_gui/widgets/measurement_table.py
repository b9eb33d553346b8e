"""Measurements in a table, the same for phones and for this computer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.viewmodels.results.measurement_rows import HEADS, NOTHING, TIPS, Measured
from pqv_gui.widgets.basics import as_tip

_LEFT = 2  # columns of the table that hold words
_MOST_ROWS = 12

_LEFT = 2  # columns of the table that hold words
_MOST_ROWS = 12


class MeasurementTable(QTableWidget):
    """A row a measurement; columns in which there is nothing are left out."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADS))
        for index, head in enumerate(HEADS):
            item = QTableWidgetItem(tr(head))
            item.setToolTip(tr(TIPS.get(head, "")))
            if index >= _LEFT:
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
            else:
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
            self.setHorizontalHeaderItem(index, item)
        self.setAccessibleName(tr("Measurements"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._shown: list[Measured] | None = None

    def show_rows(self, rows: Sequence[Measured]) -> None:
        """Show other measurements."""
        if list(rows) == self._shown:
            return
        self._shown = list(rows)
        self.setRowCount(len(rows))
        for index, measured in enumerate(rows):
            for place, text in enumerate(measured.cells):
                item = QTableWidgetItem(text)
                right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
                if place >= _LEFT:
                    item.setTextAlignment(right)
                item.setToolTip(as_tip(measured.details))
                self.setItem(index, place, item)
        for place in range(len(HEADS)):
            self.setColumnHidden(place, all(row.cells[place] == NOTHING for row in rows))
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Rows as high as the text wants."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        for index in range(self.rowCount()):
            self.setRowHeight(index, em(self, 1.75))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """As high as its rows, up to a dozen."""
        rows = min(_MOST_ROWS, max(1, self.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        return QSize(em(self, 20), self.horizontalHeader().sizeHint().height() + rows * em(self, 1.75) + bar + 4)

    def minimumSizeHint(self) -> QSize:
        """The same height; it scrolls sideways."""
        return QSize(em(self, 12), self.sizeHint().height())
