"""Names beside the marks of a plot, wherever there is room for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from pqv_core.comparison import label_places
from pqv_gui.style.theme import colors, scaled_font

_SIZE = 0.88  # of the text
_WIDTH = 14.0  # lines of text: a longer name is elided
_AWAY = 9.0  # pixels around a mark over which nothing is written


class MarkNames:
    """Written over all that a plot draws, each on ground of its own, so that it can be read over lines.

    Args:
        chart: Whose font and colours they have.
        view: Of the plot.
        named: Places of the view, and what is written beside them.
        unnamed: Places of the view over which nothing is written either.

    Attributes:
        placed: Where names stand in the scene, as they were written last.
    """

    def __init__(
        self,
        chart: QWidget,
        view: pg.ViewBox,
        *,
        named: Callable[[], Sequence[tuple[QPointF, str]]],
        unnamed: Callable[[], Sequence[QPointF]],
    ) -> None:
        self._chart, self._view, self._named, self._unnamed = chart, view, named, unnamed
        self._known_for: object = None
        self.placed: list[tuple[QRectF, str]] = []

    def forget(self) -> None:
        """Other marks are there: find places anew when names are written next."""
        self._known_for = None

    def write(self, painter: QPainter) -> None:
        """Write them, in places of the scene."""
        font, shades = scaled_font(self._chart, _SIZE), colors(self._chart)
        self._place(QFontMetricsF(font))
        ground = QColor(shades.surface)
        ground.setAlpha(190)
        painter.setFont(font)
        painter.setPen(QColor(shades.text))
        for box, name in self.placed:
            painter.fillRect(box, ground)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)

    def _place(self, metrics: QFontMetricsF) -> None:
        """Find places in the present view, unless they are known."""
        view = self._view
        area, unit = view.sceneBoundingRect(), metrics.height()
        present = (area.getRect(), view.viewRange(), unit)
        if present == self._known_for:
            return
        self._known_for = present
        shown = [
            (view.mapViewToScene(place), metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, _WIDTH * unit))
            for place, name in self._named()
        ]
        found = label_places.places(
            [at.toTuple() for at, _ in shown],
            [(metrics.horizontalAdvance(name) + 4, unit) for _, name in shown],
            area=label_places.Box(area.left(), area.top(), area.right(), area.bottom()),
            radius=_AWAY,
            others=[view.mapViewToScene(place).toTuple() for place in self._unnamed()],
        )
        self.placed = [
            (QRectF(QPointF(box.left, box.top), QPointF(box.right, box.bottom)), name)
            for box, (_, name) in zip(found, shown, strict=True)
            if box is not None
        ]
