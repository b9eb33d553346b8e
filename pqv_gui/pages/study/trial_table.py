"""The table of trials: what was varied and what came of it. Trials that come are added; the others stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont

from pqv_gui.i18n import tr
from pqv_gui.pages.study.study_picture import Line
from pqv_gui.pages.study.study_state import StudyState
from pqv_gui.viewmodels.table_head import Head
from pqv_gui.widgets.basics import as_tip
from pqv_gui.widgets.sorted_table import NOWHERE, Index, SortedLines, SortedTable

_LOOKED_AT = 60  # lines by which the width of a column is found
_Role = Qt.ItemDataRole


class _Trials(SortedLines):
    """The trials of a study: number, state, what was varied, what came of it, run and time."""

    lines: tuple[Line, ...]

    def show_lines(self, heads: tuple[Head, ...], lines: tuple[Line, ...]) -> bool:
        """Take over what is shown; returns whether all is other."""
        if heads == self.heads and self._insert(lines):
            return False
        self.show_anew(heads, lines)
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
                self.beginInsertRows(NOWHERE, place, place)
                self.lines = (*self.lines[:place], line, *self.lines[place:])
                self.endInsertRows()
        changed = [place for place, line in enumerate(lines) if line is not self.lines[place]]
        self.lines = lines
        if changed:
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(self.heads) - 1))
        return True

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        """What stands in a cell."""
        line, column = self.lines[index.row()], index.column()
        if role == _Role.DisplayRole:
            return line.cells[column]
        if role == _Role.TextAlignmentRole:
            return self.alignment(column)
        if role == _Role.ToolTipRole:
            return as_tip("\n".join(text for text in (line.cells[column], line.details) if text))
        if role == _Role.AccessibleTextRole and column == 0:
            return f"{line.name}, {tr('on the Pareto front')}" if line.front else line.name
        if role == _Role.ForegroundRole and line.trial.keeps is not True:
            return self.muted
        if role == _Role.FontRole and line.front:
            font = QFont()
            font.setBold(True)
            return font
        return None


class TrialTable(SortedTable):
    """The trials of a study."""

    chosen = Signal(int)  # number of a trial

    def __init__(self, state: StudyState) -> None:
        self._state, self._trials = state, _Trials()
        super().__init__(self._trials, name=tr("Trials"))
        self.picked.connect(lambda row: self.chosen.emit(self._trials.lines[row].number))

    def take_lines(self) -> bool:
        """Take over the trials of the study; a first few more may want wider columns."""
        picture, order = self._state.picture, self._state.order
        if picture is None:
            return False
        self._trials.sorted_by = order.column, order.descending
        rows = len(self._trials.lines)
        anew = self._trials.show_lines(picture.heads, self._state.lines)
        return anew or (rows < _LOOKED_AT and rows != len(self._trials.lines))

    def is_chosen(self, line: Line) -> bool:
        """Whether this is the trial that is chosen."""
        return line.number == self._state.selected

    def texts(self, column: int) -> Iterable[str]:
        """Those of the first trials."""
        return (line.cells[column] for line in self._trials.lines[:_LOOKED_AT])
