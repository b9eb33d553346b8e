"""The table of runs: a tick for the charts, then a column a figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent

from pqv_core.comparison.columns import Column
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.comparison_view import ComparisonView, TableLine
from pqv_gui.viewmodels.table_head import Head
from pqv_gui.widgets.sorted_table import Index, SortedLines, SortedTable

_LOOKED_AT = 8  # texts, the longest ones, by which the width of a column is found
_Role = Qt.ItemDataRole


class _Lines(SortedLines):
    """The lines of a view; the tick stands in the first column."""

    lines: list[TableLine]

    def __init__(self, view: ComparisonView) -> None:
        super().__init__()
        self._view = view
        self.columns: list[Column] = []
        self._ticks: list[bool] = []

    def refresh(self) -> bool:
        """Take over what is shown; returns whether there are other lines or columns."""
        lines, columns = self._view.lines, self._view.columns
        ticks = [self._view.is_ticked(line.folder) for line in lines]
        keys = [column.key for column in columns]
        self.sorted_by = (keys.index(self._view.sort) if self._view.sort in keys else -1), self._view.descending
        if lines is not self.lines:
            self.columns, self._ticks = columns, ticks
            self.show_anew([Head(column.head, column.tip, column.figure) for column in columns], lines)
            return True
        if ticks != self._ticks:
            self._ticks = ticks
            self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, 0), [_Role.CheckStateRole])
        return False

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        """What stands in a cell."""
        line, column = self.lines[index.row()], self.columns[index.column()]
        if role == _Role.DisplayRole:
            return line.text(column)
        if role == _Role.CheckStateRole and index.column() == 0:
            return Qt.CheckState.Checked if self._ticks[index.row()] else Qt.CheckState.Unchecked
        if role == _Role.TextAlignmentRole:
            return self.alignment(index.column())
        if role == _Role.ToolTipRole:
            return f"{line.text(column)}\n{line.details}"
        if role == _Role.AccessibleTextRole and index.column() == 0:
            state = tr("in the charts") if self._ticks[index.row()] else tr("not in the charts")
            return f"{line.text(column)}, {state}"
        if role == _Role.ForegroundRole and line.row is not None and column.doubts(line.row):
            return self.muted
        if role == _Role.FontRole and column.key == "run" and line.run.label.name:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def setData(self, index: Index, value: Any, role: int = _Role.EditRole) -> bool:
        """Tick, or take the tick away."""
        if role != _Role.CheckStateRole or index.column() != 0:
            return False
        self._view.tick(self.lines[index.row()].folder, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The first column can be ticked."""
        plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return plain | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else plain


class CompareTable(SortedTable):
    """Lines that can be ticked besides."""

    chosen = Signal(str)  # name of a run's folder
    sorted = Signal(str)  # key of a column

    def __init__(self, view: ComparisonView) -> None:
        self._view, self._shown = view, _Lines(view)
        super().__init__(self._shown, name=tr("Runs and their measurements"))
        self.picked.connect(lambda row: self.chosen.emit(self._shown.lines[row].folder))
        self.sort_wanted.connect(lambda section: self.sorted.emit(self._shown.columns[section].key))

    def take_lines(self) -> bool:
        """Take over what the view holds."""
        return self._shown.refresh()

    def is_chosen(self, line: TableLine) -> bool:
        """Whether this is the line that is chosen."""
        return line.folder == self._view.selected

    def texts(self, column: int) -> Iterable[str]:
        """The longest ones."""
        return sorted(self._view.texts(self._shown.columns[column]), key=len)[-_LOOKED_AT:]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space ticks the line, in whichever column one is."""
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            folder = self._shown.lines[index.row()].folder
            self._view.tick(folder, not self._view.is_ticked(folder))
        else:
            super().keyPressEvent(event)
