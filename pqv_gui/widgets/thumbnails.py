"""A strip of small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_gui.theme import em

_SIDE = 96


def load(paths: Sequence[Path]) -> list[QImage]:
    """Read pictures and make them small. May be called in any thread; what cannot be read is left out."""
    made = []
    for path in paths:
        image = QImage(str(path))
        if not image.isNull():
            kind = Qt.AspectRatioMode.KeepAspectRatioByExpanding
            image = image.scaled(QSize(_SIDE, _SIDE), kind, Qt.TransformationMode.SmoothTransformation)
            left, top = (image.width() - _SIDE) // 2, (image.height() - _SIDE) // 2
            made.append(image.copy(QRect(left, top, _SIDE, _SIDE)))
    return made


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
