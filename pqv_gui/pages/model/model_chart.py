"""The chart in which a model is chosen: by a click, or with the arrow keys."""

from __future__ import annotations

import bisect
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from pqv_core.comparison.charts import Point
from pqv_gui.charts.pareto_chart import ParetoChart
from pqv_gui.i18n import tr
from pqv_gui.pages.model.model_scatter import FILTERED_OUT, LISTED, STARRED
from pqv_gui.style.theme import colors, em

_SIZES = {FILTERED_OUT: 0.35, LISTED: 0.5, STARRED: 0.9}  # lines of text
_STEPS: dict[int, tuple[Callable[[Point], float], int]] = {
    Qt.Key.Key_Left: (lambda point: point.x, -1),
    Qt.Key.Key_Right: (lambda point: point.x, 1),
    Qt.Key.Key_Down: (lambda point: point.y, -1),
    Qt.Key.Key_Up: (lambda point: point.y, 1),
}


class ModelChart(ParetoChart):
    """Listed models by what they compute and reach; the others are grey.

    Left and Right go to the listed model that computes next less or more, Up and Down to the one that reaches next more
    or less, Home and End to the least and most compute. ``chosen`` tells the name, as for a click.
    """

    def __init__(self) -> None:
        super().__init__(tr("Accuracy vs. compute"), by_error=True)
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._frame = _FocusFrame(self.plot)
        self._item.layout.setContentsMargins(4, 8, 6, 5)  # within the frame
        self.plot.installEventFilter(self)

    def choose(self, name: str) -> None:
        """Mark a model, and tell a screen reader of it; none where it is not in the chart."""
        if name != self._chosen:
            super().choose(name)
            self.plot.setAccessibleDescription(self.described())

    def color(self, index: int) -> QColor:
        """Grey for what is not listed, the accent for what is starred."""
        series = list(self._marks)[index]
        if series == FILTERED_OUT:
            return QColor(colors(self).border)
        return QColor(colors(self).accent) if series == STARRED else super(ParetoChart, self).color(0)

    def mark(self, index: int) -> str:
        """A star for what is starred."""
        return "star" if list(self._marks)[index] == STARRED else "o"

    def mark_size(self, index: int) -> int:
        """What is starred is the largest, and what is not listed the smallest."""
        return em(self, _SIZES[list(self._marks)[index]])

    def as_svg(self) -> str:
        """The chart as it is seen: what is listed is told from what is not by its colour."""
        return self.saver.drawn()

    def described(self) -> str:
        """The chosen model before all others, for a screen reader."""
        chosen = self._point(self._chosen)
        first = f"{tr('Chosen')}: {self.said(chosen)}. " if chosen is not None else ""
        return first + super().described()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go from model to model with the arrow keys, and show where the keyboard is."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            point = self._after(event.key())
            if point is not None:
                self.chosen.emit(point.name)
                self._point_out(point)
                return True
        elif event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.say_at(QPointF(), "")
            self._frame.setVisible(event.type() == QEvent.Type.FocusIn)
        elif event.type() == QEvent.Type.Resize:
            self._frame.resize(self.plot.size())
        return super().eventFilter(watched, event)

    def _after(self, key: int) -> Point | None:
        """The listed model to which a key leads; None for other keys, and where there is none."""
        listed = [point for point in self._chart.points if point.series != FILTERED_OUT] if self._chart else []
        if not listed or key not in (*_STEPS, Qt.Key.Key_Home, Qt.Key.Key_End):
            return None
        along, step = _STEPS.get(key, (lambda point: point.x, 1))
        order = sorted(listed, key=lambda point: (along(point), point.name))
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            return order[0 if key == Qt.Key.Key_Home else -1]
        here = self._point(self._chosen)
        if here is None:
            return order[0]
        places = [(along(point), point.name) for point in order]
        left = bisect.bisect_left(places, (along(here), here.name))
        inside = left < len(order) and order[left].name == here.name
        place = left + step if inside or step < 0 else left
        return order[min(max(place, 0), len(order) - 1)]

    def _point(self, name: str) -> Point | None:
        points = self._chart.points if self._chart is not None else ()
        return next((point for point in points if point.name == name), None)

    def _point_out(self, point: Point) -> None:
        """Say beside a point what it is, as under the pointer; what is zoomed out of sight is shown again."""
        if not self._item.getViewBox().sceneBoundingRect().contains(self._place(point)):
            self.reset_view()
        self.say_at(self._place(point), " · ".join([*self.facts(point), point.detail]))


class _FocusFrame(QWidget):
    """Drawn around the plot while it has the keyboard; the pointer goes through it."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors(self).accent), 2))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 5, 5)
