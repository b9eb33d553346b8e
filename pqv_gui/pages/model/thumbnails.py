"""A strip of small pictures."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_gui.style.theme import em


class Thumbnails(QWidget):
    """As many pictures as fit into the width."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._images: list[QImage] = []
        self.hide()

    def show_images(self, images: list[QImage]) -> None:
        """Show pictures; none hides the strip."""
        self._images = images
        self.setVisible(bool(images))
        self.update()

    def sizeHint(self) -> QSize:
        """Three lines of text high."""
        return QSize(em(self, 6), em(self, 2.6))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pictures."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side, left = self.height(), 0
        for image in self._images:
            if left + side > self.width():
                break
            painter.drawImage(QRect(left, 0, side, side), image)
            left += side + em(self, 0.25)
