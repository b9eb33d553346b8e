"""Recent projects: name and date, last result and folder; opened, or taken out of the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QAction, QColor, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QListView, QMenu, QStyle, QStyleOptionViewItem

from pqv_core import formatting
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.project_notes import ProjectNote
from pqv_gui.widgets.basics import as_tip
from pqv_gui.widgets.two_line_delegate import TwoLineDelegate

Index = QModelIndex | QPersistentModelIndex


class _Projects(QAbstractListModel):
    def __init__(self, parent: QListView) -> None:
        super().__init__(parent)
        self.paths: Sequence[Path] = ()
        self.notes: Mapping[Path, ProjectNote] = {}

    def show_paths(self, paths: Sequence[Path]) -> None:
        self.beginResetModel()
        self.paths = list(paths)
        self.endResetModel()

    def show_notes(self, notes: Mapping[Path, ProjectNote]) -> None:
        self.notes = notes
        if self.paths:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.paths) - 1, 0))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.paths)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        path = self.paths[index.row()]
        note = self.notes.get(path, ProjectNote())
        if role == Qt.ItemDataRole.UserRole:
            return path
        if role == Qt.ItemDataRole.DisplayRole:
            return path.stem
        if role == TwoLineDelegate.DETAIL:
            return " · ".join(part for part in (tr(note.result), str(path.parent)) if part)
        if role == TwoLineDelegate.ASIDE:
            return formatting.date(note.changed) if note.changed is not None else ""
        if role == Qt.ItemDataRole.ToolTipRole:
            return as_tip(str(path))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (path.stem, tr(note.result), self.data(index, TwoLineDelegate.ASIDE), str(path.parent))
            return ", ".join(str(part) for part in parts if part)
        return None


class _ProjectRow(TwoLineDelegate):
    """In the row under the pointer a cross takes the place of the date."""

    def aside(self, option: QStyleOptionViewItem, index: Index) -> str:
        """The date, but for the row whose cross is drawn."""
        return "" if self._pointed_at(option) else super().aside(option, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        super().paint(painter, option, index)
        if self._pointed_at(option):
            painter.save()
            painter.setPen(QColor(colors().muted))
            painter.drawText(cross(option.rect), Qt.AlignmentFlag.AlignCenter, "✕")
            painter.restore()

    @staticmethod
    def _pointed_at(option: QStyleOptionViewItem) -> bool:
        state: QStyle.StateFlag = option.state
        return bool(state & QStyle.StateFlag.State_MouseOver)


def cross(row: QRect) -> QRect:
    """Where in a row the cross is that takes it out of the list."""
    side = em(times=2)
    return QRect(row.right() - side, row.top(), side, row.height() // 2 + em(times=0.3))


class RecentList(QListView):
    """Projects that were opened lately; Enter or a click opens, Delete or the cross takes out of the list."""

    opened = Signal(object)  # Path
    forgotten = Signal(object)  # Path

    def __init__(self) -> None:
        super().__init__()
        self._projects = _Projects(self)
        self._pressed = QPoint()
        self.setModel(self._projects)
        self.setItemDelegate(_ProjectRow(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Recent projects"))
        self.setAccessibleDescription(tr("Enter opens, Delete removes from the list."))
        self.setMinimumHeight(em(times=16))
        self.clicked.connect(self._clicked)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)

    def show_paths(self, paths: Sequence[Path]) -> None:
        """Show other projects."""
        if list(paths) != self._projects.paths:
            self._projects.show_paths(paths)
            self.setCurrentIndex(self._projects.index(0, 0))

    def show_notes(self, notes: Mapping[Path, ProjectNote]) -> None:
        """Show what is known of the projects."""
        self._projects.show_notes(notes)

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(index.data(Qt.ItemDataRole.UserRole))

    def _clicked(self, index: QModelIndex) -> None:
        if cross(self.visualRect(index)).contains(self._pressed):
            self.forgotten.emit(index.data(Qt.ItemDataRole.UserRole))
        else:
            self._open(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where: a click on the cross is none on the project."""
        self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """The tip of the cross says what it does."""
        handled = super().viewportEvent(event)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            index = self.indexAt(event.position().toPoint())
            on_cross = index.isValid() and cross(self.visualRect(index)).contains(event.position().toPoint())
            self.viewport().setToolTip(tr("Remove from list") if on_cross else "")
        return handled

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete forgets."""
        current = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(current)
        elif event.key() == Qt.Key.Key_Delete and current.isValid():
            self.forgotten.emit(current.data(Qt.ItemDataRole.UserRole))
        else:
            super().keyPressEvent(event)

    def _menu(self, where: QPoint) -> None:
        index = self.indexAt(where)
        if index.isValid():
            path = index.data(Qt.ItemDataRole.UserRole)
            menu = QMenu(self)
            forget = QAction(tr("Remove from list"), menu)
            forget.triggered.connect(lambda: self.forgotten.emit(path))
            menu.addAction(forget)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.viewport().mapToGlobal(where))
