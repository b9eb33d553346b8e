"""The table of classes, by what they lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent

from pqv_core.results.losses import ClassLoss
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.lost_view import COLUMNS, LostView
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.table_head import Head
from pqv_gui.widgets.basics import as_tip
from pqv_gui.widgets.sorted_table import Index, SortedLines, SortedTable

_Role = Qt.ItemDataRole
_BESIDE = 0.85  # of the text in a cell
_KEYS = [column.key for column in COLUMNS]
_HEADS = [Head(column.head, column.tip, figure=place > 0) for place, column in enumerate(COLUMNS)]


class _Classes(SortedLines):
    lines: list[ClassLoss]

    def __init__(self, view: LostView) -> None:
        super().__init__()
        self._view = view

    def refresh(self) -> bool:
        """Take over what is shown; returns whether there are other lines."""
        self.sorted_by = _KEYS.index(self._view.sort), self._view.descending
        if self._view.lines is self.lines:
            return False
        self.show_anew(_HEADS, self._view.lines)
        return True

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        """What stands in a cell."""
        line, column = self.lines[index.row()], COLUMNS[index.column()]
        if role == _Role.DisplayRole:
            return column.text(line)
        if role == _Role.TextAlignmentRole:
            return self.alignment(index.column())
        if role == _Role.ToolTipRole:
            return as_tip(_said(line))
        if role == _Role.ForegroundRole and column.key == "change" and line.change and self.table is not None:
            shades = colors(self.table)
            return QColor(shades.bad if line.change < 0 else shades.good)
        return None


def _said(line: ClassLoss) -> str:
    words = tr("{name}: {before} of {images} right before, {after} after; {lost} lost, {won} won")
    for key in ("name", "before", "images", "after", "lost", "won"):
        value = getattr(line, key)
        words = words.replace(f"{{{key}}}", value if isinstance(value, str) else f"{value:,}")
    return words


class LostClasses(SortedTable):
    """Shows them; one can be chosen, and Escape chooses all again."""

    def __init__(self, view: LostView) -> None:
        self._view, self._shown = view, _Classes(view)
        super().__init__(self._shown, name=tr("Classes by what they lost"))
        self.sort_wanted.connect(lambda section: view.sort_by(_KEYS[section]))
        self.picked.connect(lambda row: view.choose_class(self._shown.lines[row].label))

    def take_lines(self) -> bool:
        """Take over what the view holds."""
        return self._shown.refresh()

    def is_chosen(self, line: ClassLoss) -> bool:
        """Whether this is the class whose images are shown."""
        return line.label == self._view.label

    def texts(self, column: int) -> Iterable[str]:
        """The longest ones."""
        return sorted({COLUMNS[column].text(line) for line in self._shown.lines}, key=len)[-4:]

    def _beside(self, column: int) -> int:
        """Seven columns stand in half a page."""
        return em(self, _BESIDE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape shows the images of all classes again."""
        if event.key() == Qt.Key.Key_Escape and self._view.label is not None:
            self._view.choose_class(None)
        else:
            super().keyPressEvent(event)
