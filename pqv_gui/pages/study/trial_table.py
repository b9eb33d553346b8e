"""The table of trials: what was varied and what came of it. Trials that come are added; the others stay as they are."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from pqv_gui.i18n import tr
from pqv_gui.pages.study.study_picture import Head, Line
from pqv_gui.pages.study.study_state import StudyState
from pqv_gui.style.theme import colors, em

_MOST_ROWS = 12
_LOOKED_AT = 60  # lines by which the width of a column is found
_WIDEST = 12.0  # of a column, in lines of text
_Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole
_NOWHERE = QModelIndex()


class _Trials(QAbstractTableModel):
    """The trials of a study, as Qt asks for them."""

    def __init__(self, table: QTableView) -> None:
        super().__init__()
        self._table = table
        self.lines: tuple[Line, ...] = ()
        self.heads: tuple[Head, ...] = ()
        self.sorted = (0, True)

    def show_lines(self, heads: tuple[Head, ...], lines: tuple[Line, ...]) -> bool:
        """Take over what is shown; returns whether all is other."""
        if heads == self.heads and self._insert(lines):
            return False
        self.beginResetModel()
        self.heads, self.lines = heads, lines
        self.endResetModel()
        return True

    def _insert(self, lines: tuple[Line, ...]) -> bool:
        """Add the lines that came, where the others have stayed in their order."""
        if lines is self.lines:
            return True
        before = {line.number for line in self.lines}
        if [line.number for line in lines if line.number in before] != [line.number for line in self.lines]:
            return False
        for place, line in enumerate(lines):
            if line.number not in before:
                self.beginInsertRows(_NOWHERE, place, place)
                self.lines = (*self.lines[:place], line, *self.lines[place:])
                self.endInsertRows()
        changed = [place for place, line in enumerate(lines) if line is not self.lines[place]]
        self.lines = lines
        if changed:
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(self.heads) - 1))
        return True

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """One for each trial."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Number, state, what was varied, what came of it, run and time."""
        return 0 if parent.isValid() else len(self.heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:
        """The heads, with a mark at the one that is sorted by."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.heads):
            return None
        column, descending = self.sorted
        if role == _Role.DisplayRole:
            mark = (" ▾" if descending else " ▴") if section == column else ""
            return tr(self.heads[section].words) + mark
        if role == _Role.ToolTipRole:
            return tr(self.heads[section].tip)
        return self._alignment(section) if role == _Role.TextAlignmentRole else None

    def data(self, index: _Index, role: int = _Role.DisplayRole) -> Any:
        """What stands in a cell."""
        line, column = self.lines[index.row()], index.column()
        if role == _Role.DisplayRole:
            return line.cells[column]
        if role == _Role.TextAlignmentRole:
            return self._alignment(column)
        if role == _Role.ToolTipRole:
            return "\n".join(text for text in (line.cells[column], line.details) if text)
        if role == _Role.AccessibleTextRole and column == 0:
            return f"{line.name}, {tr('on the Pareto front')}" if line.front else line.name
        if role == _Role.ForegroundRole and line.trial.keeps is not True:
            return QColor(colors(self._table).muted)
        if role == _Role.FontRole and line.front:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if self.heads[column].figure else Qt.AlignmentFlag.AlignLeft
        return Qt.AlignmentFlag.AlignVCenter | side


class TrialTable(QTableView):
    """Trials that can be chosen; a click on a head sorts by it."""

    chosen = Signal(int)  # number of a trial
    sort_wanted = Signal(int)  # a column

    def __init__(self) -> None:
        super().__init__()
        self._filling = False  # what is chosen then was not chosen by a person
        self._trials = _Trials(self)
        self.setModel(self._trials)
        self.setAccessibleName(tr("Trials"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setAccessibleName(tr("Column headers"))
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head.sectionClicked.connect(self.sort_wanted)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def refresh(self, state: StudyState) -> None:
        """Show the trials of a study."""
        if state.picture is None:
            return
        self._filling = True
        self._trials.sorted = state.order.column, state.order.descending
        rows = self._trials.rowCount()
        anew = self._trials.show_lines(state.picture.heads, state.lines)
        if anew or (rows < _LOOKED_AT and rows != self._trials.rowCount()):
            self._fit()
        self._trials.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, max(0, len(self._trials.heads) - 1))
        self._show_chosen(state.selected)
        self._filling = False
        self.viewport().update()

    def _show_chosen(self, number: int | None) -> None:
        current, lines = self.currentIndex().row(), self._trials.lines
        if 0 <= current < len(lines) and lines[current].number == number:
            return
        place = next((place for place, line in enumerate(lines) if line.number == number), -1)
        if place >= 0:
            self.setCurrentIndex(self._trials.index(place, 0))
        else:
            self.clearSelection()

    def _on_current(self, index: QModelIndex) -> None:
        if not self._filling and 0 <= index.row() < len(self._trials.lines):
            self.chosen.emit(self._trials.lines[index.row()].number)

    def changeEvent(self, event: QEvent) -> None:
        """Rows as high as the text wants."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_trials"):
            self._fit()

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(em(self, 1.75))
        bold = self.font()
        bold.setBold(True)  # as the front is
        measured = QFontMetrics(bold)
        for place, head in enumerate(self._trials.heads):
            texts = (f"{tr(head.words)} ▾", *(line.cells[place] for line in self._trials.lines[:_LOOKED_AT]))
            widest = max(measured.horizontalAdvance(text) for text in texts)
            self.setColumnWidth(place, min(widest + em(self, 1.3), em(self, _WIDEST)))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """As high as its rows, up to a dozen."""
        rows = min(_MOST_ROWS, max(1, self._trials.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        return QSize(em(self, 20), self.horizontalHeader().sizeHint().height() + rows * em(self, 1.75) + bar + 4)

    def minimumSizeHint(self) -> QSize:
        """The same height; it scrolls sideways."""
        return QSize(em(self, 12), self.sizeHint().height())
