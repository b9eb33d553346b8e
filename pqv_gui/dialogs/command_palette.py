"""Everything that can be asked for, found by a few letters and done by Enter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels import fuzzy
from pqv_gui.viewmodels.fuzzy import Match
from pqv_gui.widgets.basics import FIELD_HEIGHT, column, fit, label

Index = QModelIndex | QPersistentModelIndex
_LIST_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_MATCH = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Entry:
    """Something that can be asked for.

    Attributes:
        group: Where else it is found, such as a menu; searched as well.
        keys: Its keys, as they are read.
        run: Does it.
    """

    name: str
    group: str
    keys: str
    run: Callable[[], object]

    @property
    def text(self) -> str:
        """What is searched."""
        return f"{self.name}  {self.group}"


class _Entries(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.found: Sequence[tuple[Entry, Match]] = ()

    def show_found(self, found: Sequence[tuple[Entry, Match]]) -> None:
        self.beginResetModel()
        self.found = found
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.found)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry, _ = self.found[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role == _MATCH:
            return self.found[index.row()]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return spoken(entry)
        return None


def spoken(entry: Entry) -> str:
    """What a screen reader says of an entry."""
    return ", ".join(part for part in (entry.name, entry.group, entry.keys) if part)


class _Row(QStyledItemDelegate):
    """The name with the letters that were found, its group after it, its keys at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The same for all rows."""
        return QSize(em(times=12), em(times=1.9))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        entry, match = index.data(_MATCH)
        shades = colors()
        painter.save()
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.fillRect(rect, QColor(shades.accent_soft if chosen else shades.sunken))
        inner = rect.adjusted(em(times=0.6), 0, -em(times=0.6), 0)
        painter.setPen(QColor(shades.muted))
        keys = painter.boundingRect(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, entry.keys)
        painter.drawText(keys, Qt.AlignmentFlag.AlignCenter, entry.keys)
        inner.setRight(keys.left() - em(times=0.6) if entry.keys else inner.right())
        painter.setClipRect(inner)
        for place, letter in enumerate(entry.text):
            found, quiet = place in match.places, place >= len(entry.name)
            font = painter.font()
            font.setBold(found)
            painter.setFont(font)
            painter.setPen(QColor(shades.accent if found else shades.muted if quiet else shades.text))
            painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, letter)
            inner.setLeft(inner.left() + painter.fontMetrics().horizontalAdvance(letter))
        painter.restore()


class CommandPalette(QDialog):
    """A line to type in and what fits below it; Escape, or a click elsewhere, puts it away.

    Args:
        entries: In the order in which they are shown while nothing is typed.
    """

    chosen = Signal(object)  # Entry

    def __init__(self, parent: QWidget, entries: Iterable[Entry]) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Commands"))
        self._entries = list(entries)
        self.line = QLineEdit()
        self.line.setMinimumHeight(em(times=FIELD_HEIGHT))
        self.line.setPlaceholderText(tr("A command, page, setting or recent project"))
        self.line.setAccessibleName(tr("Search commands"))
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.found = _Entries(self)
        self.list = QListView()
        self.list.setModel(self.found)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName(tr("Commands"))
        self.list.clicked.connect(self._choose)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._tell())
        self.nothing = label(tr("Nothing has these letters in this order."), "muted", wrap=True)
        outer, frame = column(self, gap=0), QFrame()
        frame.setProperty("role", "term")
        outer.addWidget(frame)
        inner = column(frame, gap=0.5, margin=0.6)
        for widget in (self.line, self.nothing):
            inner.addWidget(widget)
        inner.addWidget(self.list, 1)
        fit(self, 40, 24)
        self._move_to_top(parent)
        self._fill()

    def _move_to_top(self, parent: QWidget) -> None:
        corner = parent.mapToGlobal(QPoint((parent.width() - self.width()) // 2, em(times=3)))
        room = parent.screen().availableGeometry()
        self.move(corner.x(), max(room.top(), min(corner.y(), room.bottom() - self.height())))

    def _fill(self) -> None:
        found = fuzzy.ranked(self.line.text(), self._entries, lambda entry: entry.text)
        self.found.show_found(found)
        self.list.setCurrentIndex(self.found.index(0, 0))
        self.list.setVisible(bool(found))
        self.nothing.setVisible(not found)
        self._tell()

    def _tell(self) -> None:
        """Let a screen reader, which stays with the line, know what Enter would do."""
        index = self.list.currentIndex()
        self.line.setAccessibleDescription(str(index.data(Qt.ItemDataRole.AccessibleTextRole) or self.nothing.text()))

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            entry, _ = index.data(_MATCH)
            self.accept()
            self.chosen.emit(entry)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down move in the list while the keyboard stays with the line; Enter chooses."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in _LIST_KEYS:
                QApplication.sendEvent(self.list, event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Put it away when another window is gone to."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isVisible() and not self.isActiveWindow():
            self.reject()
