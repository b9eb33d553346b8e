"""The list of models: instant with thousands of rows, because only what is seen is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import QListView, QWidget

from pqv_core import formatting
from pqv_core.models.catalog import CatalogEntry
from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.two_line_delegate import Index, TwoLineDelegate


class ModelListModel(QAbstractListModel):
    """Rows of the catalogue for a view."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: Sequence[CatalogEntry] = ()

    def show_rows(self, rows: Sequence[CatalogEntry]) -> None:
        """Show other rows."""
        if rows is self._rows:
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What the delegate draws and a screen reader says."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == TwoLineDelegate.DETAIL:
            return figures(row)
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return f"{row.name}, {figures(row)}"
        return None


def figures(row: CatalogEntry) -> str:
    """The figures of a model in one line."""
    weights = tr("weights published") if row.pretrained else tr("no published weights")
    macs = formatting.macs(row.macs) if row.macs is not None else ""
    parts = (formatting.count(row.params), macs, f"{row.input_size[1]} px", weights)
    return " · ".join(part for part in parts if part)


class ModelList(QListView):
    """A list in which one model is chosen."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._rows = ModelListModel(self)
        self.setModel(self._rows)
        self.setItemDelegate(TwoLineDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Models"))
        self.setMinimumHeight(em(times=12))
        self._quiet = False
        self.selectionModel().currentChanged.connect(self._current_changed)

    def _current_changed(self, current: QModelIndex) -> None:
        if current.isValid() and not self._quiet:
            self.chosen.emit(current.data())

    def show_rows(self, rows: Sequence[CatalogEntry], position: int) -> None:
        """Show rows; the one at ``position`` is chosen already."""
        self._quiet = True
        self._rows.show_rows(rows)
        if position != self.currentIndex().row():
            index = self._rows.index(position, 0) if position >= 0 else QModelIndex()
            self.setCurrentIndex(index)
            if position >= 0:
                self.scrollTo(index, QListView.ScrollHint.PositionAtCenter)
        self._quiet = False
