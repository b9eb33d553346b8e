"""The images whose answer changed, as small pictures; only those that are seen are read and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from pqv_core.data.images import shown
from pqv_core.results.losses import KINDS, ChangedImage
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.lost_view import LostView
from pqv_gui.services.pictures import Pictures
from pqv_gui.style.theme import Colors, colors, em
from pqv_gui.widgets.basics import as_tip
from pqv_gui.widgets.two_line_delegate import Index

IMAGE = Qt.ItemDataRole.UserRole + 1
_HIGH, _WIDE, _ROWS = 4.3, 15.0, 3  # of a tile, in lines of text; and how many rows are seen
_SPARE = 0.5  # what a full row leaves free, for Qt does not fill one to the last pixel
_LOOK_MS = 40  # after the last scrolling
_Role = Qt.ItemDataRole


class _Images(QAbstractListModel):
    """The images that are shown, for a view."""

    def __init__(self, view: LostView, parent: QWidget) -> None:
        super().__init__(parent)
        self._view = view
        self.images: Sequence[ChangedImage] = ()

    def refresh(self) -> bool:
        """Show what there is to show now; whether that is something else."""
        other = self._view.images is not self.images
        if other:
            self.beginResetModel()
            self.images = self._view.images
            self.endResetModel()
        return other

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One for each image."""
        return 0 if parent.isValid() else len(self.images)

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        """What the delegate draws and a screen reader says."""
        if not index.isValid():
            return None
        image = self.images[index.row()]
        if role == IMAGE:
            return image
        if role in (_Role.DisplayRole, _Role.AccessibleTextRole):
            return self._said(image)
        return as_tip(self._said(image)) if role == _Role.ToolTipRole else None

    def _said(self, image: ChangedImage) -> str:
        name = self._view.name
        words = tr("{image}: {class}, answered {before} before and {after} after ({kind})")
        return (
            words.replace("{kind}", tr(KINDS[image.kind]).lower())
            .replace("{after}", name(image.after))
            .replace("{before}", name(image.before))
            .replace("{class}", name(image.label))
            .replace("{image}", shown(image.image))
        )


class _Tile(QStyledItemDelegate):
    """A picture; beside it its class, and the answers before and after, each with a mark whether it is right."""

    def __init__(self, view: LostView, pictures: Pictures, parent: QListView) -> None:
        super().__init__(parent)
        self._view, self._pictures, self._list = view, pictures, parent

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The same for all."""
        return self._list.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one image."""
        image, rect, shades = index.data(IMAGE), option.rect, colors()
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        gap = em(times=0.3)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect.adjusted(1, 1, -1, -1), QColor(shades.accent_soft))
        side = rect.height() - 2 * gap
        place = QRect(rect.left() + gap, rect.top() + gap, side, side)
        self._paint_picture(painter, place, image, shades)
        left = place.right() + em(times=0.5)
        lines = QRect(left, place.top(), rect.right() - gap - left, side)
        self._paint_words(painter, lines, image, shades)
        painter.restore()

    def _paint_picture(self, painter: QPainter, place: QRect, image: ChangedImage, shades: Colors) -> None:
        path = self._view.path(image)
        picture: QImage | None = self._pictures.get(path) if path is not None and self._pictures.known(path) else None
        if picture is not None:
            painter.drawImage(place, picture)
            return
        painter.fillRect(place, QColor(shades.sunken))
        painter.setPen(QColor(shades.border))
        painter.drawRect(place.adjusted(0, 0, -1, -1))
        if path is None or self._pictures.known(path):
            painter.setPen(QColor(shades.muted))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, tr("not readable"))

    def _paint_words(self, painter: QPainter, area: QRect, image: ChangedImage, shades: Colors) -> None:
        high = area.height() // 3
        plain, bold = painter.font(), QFont(painter.font())
        bold.setBold(True)
        name = self._view.name
        answers = ((name(image.before), image.before == image.label), (name(image.after), image.after == image.label))
        painter.setFont(bold)
        painter.setPen(QColor(shades.text))
        _draw(painter, QRect(area.left(), area.top(), area.width(), high), name(image.label))
        painter.setFont(plain)
        for place, (words, right) in enumerate(answers, start=1):
            painter.setPen(QColor(shades.good if right else shades.bad))
            mark, arrow = ("✓" if right else "✗"), ("→ " if place == 2 else "")
            _draw(painter, QRect(area.left(), area.top() + place * high, area.width(), high), f"{arrow}{mark} {words}")


def _draw(painter: QPainter, area: QRect, text: str) -> None:
    fitting = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, fitting)


class ChangedImages(QListView):
    """Tiles side by side, in rows of which three are seen."""

    def __init__(self, view: LostView, pictures: Pictures) -> None:
        super().__init__()
        self._view, self._pictures, self._rows = view, pictures, _Images(view, self)
        self.setModel(self._rows)
        self.setItemDelegate(_Tile(view, pictures, self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Images whose answer changed"))
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_LOOK_MS)
        self._soon.timeout.connect(self._want_seen)
        self.verticalScrollBar().valueChanged.connect(lambda _: self._soon.start())
        pictures.came.connect(self.viewport().update)

    def refresh(self) -> None:
        """Show the present images."""
        if self._rows.refresh():
            self.scrollToTop()
            self.updateGeometry()
        self._soon.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other images may be seen."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Tiles as large as the text wants."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_soon"):
            self._fit()
            self.updateGeometry()

    def _fit(self) -> None:
        self.setGridSize(QSize(self._room // self._across, em(times=_HIGH)))
        self._soon.start()

    def sizeHint(self) -> QSize:
        """Three rows high, or fewer where there are so few images."""
        rows = min(_ROWS, max(1, -(-self._rows.rowCount() // self._across)))
        return QSize(em(times=_WIDE), rows * em(times=_HIGH) + 4)

    def minimumSizeHint(self) -> QSize:
        """One tile wide."""
        return QSize(em(times=_WIDE + 1.5), self.sizeHint().height())

    @property
    def _across(self) -> int:
        """How many tiles stand side by side."""
        return max(1, self._room // em(times=_WIDE))

    @property
    def _room(self) -> int:
        """Pixels that a row may take; Qt keeps room for a scroll bar, whether there is one or not."""
        bar = self.verticalScrollBar().sizeHint().width()
        return max(1, self.maximumViewportSize().width() - bar - em(times=_SPARE))

    def _want_seen(self) -> None:
        """Have the pictures read that are seen, and those of the next row or two."""
        if not self.isVisible():
            return
        across = self._across
        first = self.verticalScrollBar().value() // em(times=_HIGH) * across
        seen = self._rows.images[first : first + across * (_ROWS + 3)]
        self._pictures.want([path for image in seen if (path := self._view.path(image)) is not None])
