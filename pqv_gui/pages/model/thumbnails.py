"""A strip of small pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_core.config.data import Scale
from pqv_core.data import images
from pqv_gui.style.theme import em

_SIDE = 96


def load(paths: Sequence[Path], *, scale: Scale) -> list[QImage]:
    """Read pictures as a run does, and make them small. May be called in any thread; what cannot be read is left out.

    Args:
        scale: What is black and white in images of more than 8 bits.
    """
    made = []
    for path in paths:
        with contextlib.suppress(images.UnreadableImageError):
            pixels = images.thumbnail(path, side=_SIDE, scale=scale).tobytes()
            made.append(QImage(pixels, _SIDE, _SIDE, 3 * _SIDE, QImage.Format.Format_RGB888).copy())
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
