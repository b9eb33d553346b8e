"""The table of runs: a tick for the charts, then a column a figure; and what keys and the pointer ask for a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView

from pqv_core.comparison.columns import Column
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.comparison_view import ComparisonView, TableLine
from pqv_gui.style.theme import colors
from pqv_gui.viewmodels.table_head import Head
from pqv_gui.widgets.basics import as_tip
from pqv_gui.widgets.sorted_table import Index, SortedLines, SortedTable

_LOOKED_AT = 8  # texts, the longest ones, by which the width of a column is found
_WIDEST_NAME = 17.5  # of a run, in lines of text
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
            return as_tip(f"{line.text(column)}\n{line.details}")
        if role == _Role.AccessibleTextRole and index.column() == 0:
            state = tr("in the charts") if self._ticks[index.row()] else tr("not in the charts")
            return f"{line.text(column)}, {state}"
        if role == _Role.ForegroundRole:
            return self._ink(line, column)
        if role == _Role.FontRole and column.key == "run" and line.run.label.name:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _ink(self, line: TableLine, column: Column) -> QColor | None:
        if column.key == "state" and self.table is not None:
            shades = colors(self.table)
            inks = {"failed": shades.bad, "running": shades.accent}
            return QColor(inks.get(line.run.record.state, shades.muted))
        return self.muted if line.row is not None and column.doubts(line.row) else None

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
    """Lines that can be ticked besides, and of which several can be selected."""

    chosen = Signal(str, str)  # name of a run's folder, key of its row
    selection_changed = Signal()
    opened = Signal(str)  # name of a run's folder
    menu_wanted = Signal(QPoint)  # a place of the screen
    rename_wanted = Signal()
    trash_wanted = Signal()
    sorted = Signal(str)  # key of a column

    def __init__(self, view: ComparisonView) -> None:
        self._view, self._shown = view, _Lines(view)
        self._row = ""  # that is selected, where the table shows it
        self._together: set[tuple[str, str]] = set()  # rows that were selected with it before the table was filled anew
        super().__init__(self._shown, name=tr("Runs and their measurements"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.picked.connect(self._on_picked)
        self.sort_wanted.connect(lambda section: self.sorted.emit(self._shown.columns[section].key))
        self.selectionModel().selectionChanged.connect(lambda: self.selection_changed.emit())
        self.doubleClicked.connect(lambda index: self.opened.emit(self._shown.lines[index.row()].folder))

    def take_lines(self) -> bool:
        """Take over what the view holds."""
        selected = {(line.folder, line.key) for line in self._selected}
        anew = self._shown.refresh()
        self._together = selected if anew else set()
        chosen = self._view.selected
        own = [line.key for line in self._shown.lines if line.folder == chosen] if self._view.row else []
        self._row = self._view.row if self._view.row in own else ""
        return anew

    def is_chosen(self, line: TableLine) -> bool:
        """Whether this is the line that is chosen."""
        return line.folder == self._view.selected and (not self._row or line.key == self._row)

    def _show_chosen(self) -> None:
        """The line that is chosen; of a table that was filled anew, those too that were selected with it."""
        super()._show_chosen()
        if self._view.selected in {folder for folder, _ in self._together}:
            flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            for place, line in enumerate(self._shown.lines):
                if (line.folder, line.key) in self._together:
                    self.selectionModel().select(self._shown.index(place, 0), flags)

    def texts(self, column: int) -> Iterable[str]:
        """The longest ones."""
        return sorted(self._view.texts(self._shown.columns[column]), key=len)[-_LOOKED_AT:]

    def widest(self, column: int) -> float:
        """Runs have long names, by which they are known."""
        return _WIDEST_NAME if self._shown.columns[column].key == "run" else super().widest(column)

    @property
    def selected_runs(self) -> list[str]:
        """The folders of the runs whose rows are selected, from top to bottom, each once."""
        return list(dict.fromkeys(line.folder for line in self._selected))

    @property
    def _selected(self) -> list[TableLine]:
        """The lines that are selected, from top to bottom."""
        lines, rows = self._shown.lines, sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [lines[place] for place in rows if place < len(lines)]

    def _on_picked(self, row: int) -> None:
        line = self._shown.lines[row]
        self.chosen.emit(line.folder, line.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space ticks the line, in whichever column one is; Return opens, F2 renames, Delete deletes it."""
        index, plain = self.currentIndex(), not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        act = self._acts.get(Qt.Key(event.key())) if plain and index.isValid() else None
        if act is not None:
            act(self._shown.lines[index.row()].folder)
        else:
            super().keyPressEvent(event)

    @property
    def _acts(self) -> dict[Qt.Key, Callable[[str], None]]:
        """What keys do with the line one is on."""
        return {
            Qt.Key.Key_Space: lambda run: self._view.tick(run, not self._view.is_ticked(run)),
            Qt.Key.Key_Return: self.opened.emit,
            Qt.Key.Key_Enter: self.opened.emit,
            Qt.Key.Key_F2: lambda _: self.rename_wanted.emit(),
            Qt.Key.Key_Delete: lambda _: self.trash_wanted.emit(),
        }

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a row: that under the pointer, or by the keyboard the one that one is on."""
        index = self.currentIndex()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            where = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
        else:
            index, where = self.indexAt(event.pos()), event.globalPos()
        if index.isValid():
            if not self.selectionModel().isRowSelected(index.row(), QModelIndex()):
                self.setCurrentIndex(index)
            self.menu_wanted.emit(where)
