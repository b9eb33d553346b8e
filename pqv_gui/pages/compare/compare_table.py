"""The table of runs: a tick for the charts, then a column a figure."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from pqv_core.comparison.columns import Column
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.comparison_view import ComparisonView, TableLine
from pqv_gui.style.theme import colors, em

_MOST_ROWS = 12
_LOOKED_AT = 8  # texts, the longest ones, by which the width of a column is found
_WIDEST = 13.5  # width of a column, in lines of text; the whole of what is cut is said on hover
_Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole
_NOWHERE = QModelIndex()


class _Lines(QAbstractTableModel):
    """The lines of a view, as Qt asks for them."""

    def __init__(self, view: ComparisonView, table: QTableView) -> None:
        super().__init__()
        self._view, self._table = view, table
        self.lines: list[TableLine] = []
        self.columns: list[Column] = []
        self._ticks: list[bool] = []

    def refresh(self) -> bool:
        """Take over what is shown; returns whether there are other lines or columns."""
        lines, columns = self._view.lines, self._view.columns
        ticks = [self._view.is_ticked(line.folder) for line in lines]
        if lines is not self.lines:
            self.beginResetModel()
            self.lines, self.columns, self._ticks = lines, columns, ticks
            self.endResetModel()
            return True
        if ticks != self._ticks:
            self._ticks = ticks
            self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, 0), [_Role.CheckStateRole])
        return False

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """One for each line."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """One for each figure; the tick stands in the first."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:
        """The heads, with a mark at the one that is sorted by."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == _Role.DisplayRole:
            mark = (" ▾" if self._view.descending else " ▴") if column.key == self._view.sort else ""
            return tr(column.head) + mark
        if role == _Role.ToolTipRole:
            return tr(column.tip)
        return _alignment(column) if role == _Role.TextAlignmentRole else None

    def data(self, index: _Index, role: int = _Role.DisplayRole) -> Any:
        """What stands in a cell."""
        line, column = self.lines[index.row()], self.columns[index.column()]
        if role == _Role.DisplayRole:
            return line.text(column)
        if role == _Role.CheckStateRole and index.column() == 0:
            return Qt.CheckState.Checked if self._ticks[index.row()] else Qt.CheckState.Unchecked
        if role == _Role.TextAlignmentRole:
            return _alignment(column)
        if role == _Role.ToolTipRole:
            return f"{line.text(column)}\n{line.details}"
        if role == _Role.AccessibleTextRole and index.column() == 0:
            state = tr("in the charts") if self._ticks[index.row()] else tr("not in the charts")
            return f"{line.text(column)}, {state}"
        if role == _Role.ForegroundRole and line.row is not None and column.doubts(line.row):
            return QColor(colors(self._table).muted)
        if role == _Role.FontRole and column.key == "run" and line.run.label.name:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def setData(self, index: _Index, value: Any, role: int = _Role.EditRole) -> bool:
        """Tick, or take the tick away."""
        if role != _Role.CheckStateRole or index.column() != 0:
            return False
        self._view.tick(self.lines[index.row()].folder, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """The first column can be ticked."""
        plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return plain | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else plain


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.figure else Qt.AlignmentFlag.AlignLeft
    return Qt.AlignmentFlag.AlignVCenter | side


class CompareTable(QTableView):
    """Lines that can be ticked and chosen; a click on a head sorts by it."""

    chosen = Signal(str)  # name of a run's folder
    sorted = Signal(str)  # key of a column

    def __init__(self, view: ComparisonView) -> None:
        super().__init__()
        self._view = view
        self._lines = _Lines(view, self)
        self.setModel(self._lines)
        self.setAccessibleName(tr("Runs and their measurements"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.verticalHeader().hide()
        head = self.horizontalHeader()
        head.setAccessibleName(tr("Column headers"))
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head.sectionClicked.connect(self._head_clicked)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def refresh(self) -> None:
        """Show what the view holds."""
        self.selectionModel().blockSignals(True)
        if self._lines.refresh():
            self._fit()
        self._lines.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, max(0, len(self._lines.columns) - 1))
        current = self.currentIndex().row()
        chosen = self._view.selected
        if not 0 <= current < len(self._lines.lines) or self._lines.lines[current].folder != chosen:
            places = (place for place, line in enumerate(self._lines.lines) if line.folder == chosen)
            place = next(places, -1)
            if place >= 0:
                self.setCurrentIndex(self._lines.index(place, 0))
            else:
                self.clearSelection()
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def _head_clicked(self, section: int) -> None:
        self.sorted.emit(self._lines.columns[section].key)

    def _on_current(self, index: QModelIndex) -> None:
        if 0 <= index.row() < len(self._lines.lines):
            self.chosen.emit(self._lines.lines[index.row()].folder)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space ticks the line, in whichever column one is."""
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            folder = self._lines.lines[index.row()].folder
            self._view.tick(folder, not self._view.is_ticked(folder))
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Rows as high as the text wants."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(em(self, 1.75))
        for place, column in enumerate(self._lines.columns):
            self.setColumnWidth(place, self._width(column, first=place == 0))
        self.updateGeometry()

    def _width(self, column: Column, *, first: bool) -> int:
        """As wide as its longest words, within bounds. Asking the view to look at every cell takes far longer."""
        longest = sorted(self._view.texts(column), key=len)[-_LOOKED_AT:]
        head = f"{tr(column.head)} ▾"
        widest = max(self.fontMetrics().horizontalAdvance(text) for text in (head, *longest))
        tick = em(self, 1.9) if first else 0
        return min(widest + tick + em(self, 1.1), em(self, _WIDEST))

    def sizeHint(self) -> QSize:
        """As high as its rows, up to a dozen."""
        rows = min(_MOST_ROWS, max(1, self._lines.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        return QSize(em(self, 20), self.horizontalHeader().sizeHint().height() + rows * em(self, 1.75) + bar + 4)

    def minimumSizeHint(self) -> QSize:
        """The same height; it scrolls sideways."""
        return QSize(em(self, 12), self.sizeHint().height())
