"""The list of models: instant with thousands of rows, because only what is seen is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QListView, QStyle, QStyleOptionViewItem, QWidget

from pqv_core.models.catalog import CatalogEntry
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.model_catalog import ModelCatalog
from pqv_gui.widgets.two_line_delegate import Index, TwoLineDelegate

STARRED = TwoLineDelegate.ASIDE + 1
_STAR = 2.0  # width of a star's place, in lines of text


class ModelListModel(QAbstractListModel):
    """The models that are shown, for a view."""

    def __init__(self, models: ModelCatalog, parent: QWidget) -> None:
        super().__init__(parent)
        self._models = models
        self._rows: Sequence[CatalogEntry] = ()
        self._starred: frozenset[str] = frozenset()

    def refresh(self) -> bool:
        """Show what there is to show now; whether other rows than before were shown, or in another order."""
        before, shown = self._rows, self._models.shown
        other, figures = shown != before, shown is not before
        if other:
            self.beginResetModel()
        self._rows = shown
        if other:
            self.endResetModel()
        starred = frozenset(self._models.starred)
        if starred != self._starred or (figures and not other):
            self._starred = starred
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))
        return other and bool(before)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What the delegate draws and a screen reader says."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == TwoLineDelegate.DETAIL:
            return self._models.detail(row)
        if role == TwoLineDelegate.ASIDE:
            return self._models.figure(row)
        if role == STARRED:
            return row.name in self._starred
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return self._models.said(row)
        return None


class _ModelDelegate(TwoLineDelegate):
    """A model with its star, which is an outline where it can be given."""

    def inner(self, row: QRect) -> QRect:
        """The texts leave room for the star."""
        return super().inner(row).adjusted(0, 0, -em(times=_STAR - 0.6), 0)

    def star(self, row: QRect) -> QRect:
        """Where in a row its star is."""
        return QRect(row.right() - em(times=_STAR), row.top(), em(times=_STAR), row.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        super().paint(painter, option, index)
        state: QStyle.StateFlag = option.state
        touched = bool(state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected))
        if index.data(STARRED) or touched:
            _draw_star(painter, self.star(option.rect), filled=bool(index.data(STARRED)))


class ModelList(QListView):
    """A list in which one model is chosen, and any can be starred by a click on its star."""

    chosen = Signal(str)
    star_clicked = Signal(str)

    def __init__(self, models: ModelCatalog) -> None:
        super().__init__()
        self._models = models
        self._rows = ModelListModel(models, self)
        self._delegate = _ModelDelegate(self)
        self.setModel(self._rows)
        self.setItemDelegate(self._delegate)
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

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on a star is none on the model."""
        where = event.position().toPoint()
        index = self.indexAt(where)
        if index.isValid() and self.star_of(index).contains(where):
            self.star_clicked.emit(index.data())
            event.accept()
        else:
            super().mousePressEvent(event)

    def star_of(self, index: QModelIndex) -> QRect:
        """Where the star of a model is."""
        return self._delegate.star(self.visualRect(index))

    def refresh(self, chosen: str) -> None:
        """Show the models that there are to show; the one named ``chosen`` is chosen already.

        It is brought into sight, unless a person has just searched or sorted: the best ones stand at the top.
        """
        self._quiet = True
        renewed = self._rows.refresh()
        position = self._models.position(chosen)
        if position != self.currentIndex().row():
            index = self._rows.index(position, 0) if position >= 0 else QModelIndex()
            self.setCurrentIndex(index)
            if position >= 0 and not renewed:
                self.scrollTo(index, QListView.ScrollHint.PositionAtCenter)
        if renewed:
            self.scrollToTop()
        self._quiet = False


def _draw_star(painter: QPainter, area: QRect, *, filled: bool) -> None:
    shades, radius = colors(), em(times=0.42)
    middle = QPointF(area.center())
    turns = [math.pi * corner / 5 for corner in range(10)]
    reach = [radius if corner % 2 == 0 else 0.45 * radius for corner in range(10)]
    points = [
        QPointF(middle.x() + far * math.sin(turn), middle.y() - far * math.cos(turn))
        for turn, far in zip(turns, reach, strict=True)
    ]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(shades.accent if filled else shades.edge), 1.2))
    painter.setBrush(QColor(shades.accent) if filled else Qt.BrushStyle.NoBrush)
    painter.drawPolygon(QPolygonF(points))
    painter.restore()
