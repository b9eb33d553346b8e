"""A table of which a line can be chosen and that is sorted by a click on a head, as high as its rows up to a dozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.table_head import Head

_MOST_ROWS = 12
_ROW = 1.75  # height, in lines of text
_BESIDE = 1.2  # of the text in a cell
_WIDEST = 13.5  # width of a column, in lines of text; the whole of what is cut is said on hover
_Role = Qt.ItemDataRole
NOWHERE = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class SortedLines(QAbstractTableModel):
    """Lines under heads, as Qt asks for them; what stands in a cell is the subclass's.

    Attributes:
        sorted_by: The column by which they are sorted, and whether the greatest comes first.
        table: That shows them, in whose colours they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: Sequence[Any] = ()
        self.heads: Sequence[Head] = ()
        self.sorted_by = (0, True)
        self.table: QTableView | None = None

    def show_anew(self, heads: Sequence[Head], lines: Sequence[Any]) -> None:
        """Show other heads, or other lines."""
        self.beginResetModel()
        self.heads, self.lines = heads, lines
        self.endResetModel()

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """One for each line."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        """One for each head."""
        return 0 if parent.isValid() else len(self.heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:
        """The heads, with a mark at the one that is sorted by."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.heads):
            return None
        column, descending = self.sorted_by
        if role == _Role.DisplayRole:
            mark = (" ▾" if descending else " ▴") if section == column else ""
            return tr(self.heads[section].words) + mark
        if role == _Role.ToolTipRole:
            return tr(self.heads[section].tip)
        return self.alignment(section) if role == _Role.TextAlignmentRole else None

    @property
    def muted(self) -> QColor | None:
        """The colour of what counts less."""
        return QColor(colors(self.table).muted) if self.table is not None else None

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        """Figures stand at the right."""
        side = Qt.AlignmentFlag.AlignRight if self.heads[column].figure else Qt.AlignmentFlag.AlignLeft
        return Qt.AlignmentFlag.AlignVCenter | side


class SortedTable(QTableView):
    """Shows such lines.

    Args:
        name: For a screen reader.
    """

    sort_wanted = Signal(int)  # a column
    picked = Signal(int)  # a line, by a person

    def __init__(self, model: SortedLines, *, name: str) -> None:
        super().__init__()
        self._lines = model
        model.table = self
        self._filling = False  # what is chosen then was not chosen by a person
        self.setModel(model)
        self.setAccessibleName(name)
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

    def refresh(self) -> None:
        """Show the present lines, and which of them is chosen."""
        self._filling = True
        if self.take_lines():
            self.fit()
        self._lines.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, max(0, len(self._lines.heads) - 1))
        self._show_chosen()
        self._filling = False
        self.viewport().update()

    def take_lines(self) -> bool:
        """Bring the model up to date; returns whether columns may want other widths."""
        raise NotImplementedError

    def is_chosen(self, line: Any) -> bool:
        """Whether this is the line that is chosen."""
        raise NotImplementedError

    def texts(self, column: int) -> Iterable[str]:
        """Those by which the width of a column is found. Asking the view to look at every cell takes far longer."""
        raise NotImplementedError

    def _show_chosen(self) -> None:
        current, lines = self.currentIndex().row(), self._lines.lines
        if 0 <= current < len(lines) and self.is_chosen(lines[current]):
            return
        place = next((place for place, line in enumerate(lines) if self.is_chosen(line)), -1)
        if place >= 0:
            # The view's own way heeds the keys that are held, and would keep what was selected before.
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(self._lines.index(place, 0), flags)
        else:
            self.clearSelection()

    def _on_current(self, index: QModelIndex) -> None:
        if not self._filling and 0 <= index.row() < len(self._lines.lines):
            self.picked.emit(index.row())

    def changeEvent(self, event: QEvent) -> None:
        """Rows as high as the text wants."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_lines"):
            self.fit()

    def fit(self) -> None:
        """Make rows as high, and columns as wide, as the text wants, within bounds."""
        self.verticalHeader().setDefaultSectionSize(em(self, _ROW))
        bold = QFont(self.font())
        bold.setBold(True)  # as what stands out is
        measured = QFontMetrics(bold)
        for place, head in enumerate(self._lines.heads):
            widest = max(measured.horizontalAdvance(text) for text in (f"{tr(head.words)} ▾", *self.texts(place)))
            self.setColumnWidth(place, min(widest + self._beside(place), em(self, self.widest(place))))
        self.updateGeometry()

    def widest(self, column: int) -> float:
        """Most that a column may be wide, in lines of text."""
        return _WIDEST

    def _beside(self, column: int) -> int:
        """What a cell wants besides its text."""
        tick = Qt.ItemFlag.ItemIsUserCheckable in self._lines.flags(self._lines.index(0, column))
        return em(self, _BESIDE + 1.9 * tick)

    def sizeHint(self) -> QSize:
        """As high as its rows, up to a dozen."""
        rows = min(_MOST_ROWS, max(1, self._lines.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        return QSize(em(self, 20), self.horizontalHeader().sizeHint().height() + rows * em(self, _ROW) + bar + 4)

    def minimumSizeHint(self) -> QSize:
        """The same height; it scrolls sideways."""
        return QSize(em(self, 12), self.sizeHint().height())
