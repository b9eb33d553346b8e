"""Parallel coordinates: a line a trial over an axis for each setting and each figure.

Very many lines are drawn into a picture a few at a time, between which the window does other things; a line that comes
is drawn over it. The front has a picture of its own, which is drawn anew where the front is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_core.report.plain_data import csv_text
from pqv_gui.charts.legend import Legend, LegendEntry
from pqv_gui.charts.saving import Saver
from pqv_gui.charts.tip import Tip
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.results.parallel import Parallel
from pqv_gui.widgets.basics import column, label, row

_AT_ONCE, _FRONT_AT_ONCE = 150, 12  # lines drawn in one turn of the event loop; those of the front are smooth and wide
_NEAR = 10.0  # pixels from a line within which it is meant
_HEIGHT = 15.0  # in lines of text
_FAINT = ((200, 0.35), (500, 0.2), (10**9, 0.12))  # up to so many lines, how much is left of their colour
_TOLD = 20  # lines; nobody listens to more


class _Layer:
    """Some of the lines, drawn into a picture in several turns; what was there is shown until the new one is whole.

    Args:
        at_once: Lines in a turn.
    """

    def __init__(self, at_once: int) -> None:
        self.picture = QPixmap()
        self._at_once = at_once
        self._rows: tuple[int, ...] = ()
        self._next = QPixmap()
        self._drawn = 0

    def begin(self, size: QSize, ratio: float) -> None:
        """Draw all anew, at this size."""
        self._next = QPixmap(size * ratio)
        self._next.setDevicePixelRatio(ratio)
        self._next.fill(Qt.GlobalColor.transparent)
        self._rows, self._drawn = (), 0

    def draw(self, rows: tuple[int, ...], pen: QPen, line: Callable[[int], QPolygonF], *, smooth: bool) -> bool:
        """Draw the next few of the lines in these rows, which begin with those that are drawn; whether that is all."""
        self._rows = rows
        last = min(self._drawn + self._at_once, len(rows))
        if not self._next.isNull():
            painter = QPainter(self._next)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
            painter.setPen(pen)
            for row in rows[self._drawn : last]:
                painter.drawPolyline(line(row))
            painter.end()
        self._drawn = last
        if last == len(rows):
            self.picture = self._next
        return last == len(rows)

    def continues(self, rows: tuple[int, ...]) -> bool:
        """Whether these rows begin with those that were drawn."""
        return rows[: self._drawn] == self._rows[: self._drawn]


class _Lines(QWidget):
    """The lines themselves."""

    pointed = Signal(int, QPoint)  # row of a line, or -1, and where
    chosen = Signal(int)  # row of a line that was clicked

    def __init__(self) -> None:
        super().__init__()
        self.shown: Parallel | None = None
        self.row = -1  # the one that is chosen
        self._as_lines = False
        self._all, self._front = _Layer(_AT_ONCE), _Layer(_FRONT_AT_ONCE)
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._draw_some)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, shown: Parallel) -> None:
        """Show other lines; where only some were added, only those are drawn."""
        before, self.shown = self.shown, shown
        if before is None or not shown.begins_with(before) or _faint(shown) != _faint(before):
            self.begin_anew()
        else:
            if not self._front.continues(shown.front):
                self._front.begin(self.size(), self.devicePixelRatioF())
            self._turn.start()

    def begin_anew(self) -> None:
        """Draw all lines again."""
        for layer in (self._all, self._front):
            layer.begin(self.size(), self.devicePixelRatioF())
        self._turn.start()

    def draw_lines(self, wanted: bool) -> None:
        """Draw lines, however long that takes, instead of pictures of them: for a picture that is saved."""
        self._as_lines = wanted

    def _draw_some(self) -> None:
        shown = self.shown
        if shown is None or not self.isVisible():
            return
        every = tuple(range(len(shown.names)))
        whole = self._all.draw(every, self._pen(0), self._line, smooth=False)
        if whole:
            whole = self._front.draw(shown.front, self._pen(1), self._line, smooth=True)
        if whole:
            self.update()
        else:
            self._turn.start()

    # places --------------------------------------------------------------------------------------------------

    @property
    def _area(self) -> QRectF:
        side, unit = em(self, 4.5), em(self)
        return QRectF(side, unit * 2.6, max(1.0, self.width() - 2 * side), max(1.0, self.height() - unit * 3.4))

    def _xs(self) -> NDArray[np.float64]:
        assert self.shown is not None
        area = self._area
        return np.linspace(area.left(), area.right(), len(self.shown.axes))

    def _line(self, index: int) -> QPolygonF:
        assert self.shown is not None
        area = self._area
        heights = area.bottom() - area.height() * self.shown.places[index]
        return QPolygonF([QPointF(x, y) for x, y in zip(self._xs().tolist(), heights.tolist(), strict=True)])

    def _meant(self, at: QPointF) -> int:
        """The row of the line at a place; -1 where there is none."""
        shown, area = self.shown, self._area
        if shown is None or not shown.names or not area.adjusted(-8, -8, 8, 8).contains(at):
            return -1
        x = (at.x() - area.left()) / area.width() * (len(shown.axes) - 1)
        index, distance = shown.nearest(x, (area.bottom() - at.y()) / area.height())
        return index if distance * area.height() <= _NEAR else -1

    def sizeHint(self) -> QSize:
        """Wide, and as high as a chart."""
        return QSize(em(self, 24), em(self, _HEIGHT))

    def minimumSizeHint(self) -> QSize:
        """The same height."""
        return QSize(em(self, 14), self.sizeHint().height())

    # drawing -------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures of the lines, then the one that is chosen, then the axes."""
        shown = self.shown
        if shown is None:
            return
        shades, painter = colors(self), QPainter(self)
        painter.fillRect(self.rect(), QColor(shades.surface))
        for layer in () if self._as_lines else (self._all, self._front):
            painter.drawPixmap(0, 0, layer.picture)
        if self._as_lines:
            self._paint_lines(painter, range(len(shown.names)), self._pen(0))
            self._paint_lines(painter, shown.front, self._pen(1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if 0 <= self.row < len(shown.names):
            painter.setPen(QPen(QColor(shades.text), 3.0, Qt.PenStyle.DashLine))
            painter.drawPolyline(self._line(self.row))
        self._paint_axes(painter)

    def _paint_lines(self, painter: QPainter, rows: Iterable[int], pen: QPen) -> None:
        painter.setPen(pen)
        for index in rows:
            painter.drawPolyline(self._line(index))

    def _pen(self, place: int) -> QPen:
        """Of all lines, thin and faint, or of those on the front."""
        ink = QColor(colors(self).series[place])
        if place == 0:
            ink.setAlphaF(_faint(self.shown))
        return QPen(ink, 2.0 if place else 0.0)

    def _paint_axes(self, painter: QPainter) -> None:
        assert self.shown is not None
        shades, area, metrics = colors(self), self._area, QFontMetricsF(self.font())
        xs = self._xs().tolist()
        room = (xs[1] - xs[0]) if len(xs) > 1 else area.width()
        for x, axis in zip(xs, self.shown.axes, strict=True):
            painter.setPen(QPen(QColor(shades.edge), 1.0))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(QColor(shades.text))
            words = f"{axis.name} ▴" if axis.better else axis.name
            name = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room - 6)
            painter.drawText(QRectF(x - room / 2, 0, room, em(self, 1.4)), Qt.AlignmentFlag.AlignCenter, name)
            painter.setPen(QColor(shades.muted))
            for place, text in axis.ticks:
                self._paint_tick(painter, metrics, QPointF(x, area.bottom() - area.height() * place), text, room)

    def _paint_tick(self, painter: QPainter, metrics: QFontMetricsF, at: QPointF, text: str, room: float) -> None:
        """A word beside an axis, on ground of its own so that it can be read over lines."""
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room * 0.8)
        width, height = metrics.horizontalAdvance(shown), metrics.height()
        ground = QColor(colors(self).surface)
        ground.setAlpha(200)
        box = QRectF(at.x() - width / 2 - 3, at.y() - height / 2, width + 6, height)
        painter.fillRect(box, ground)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)

    # what happens --------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width, another picture."""
        super().resizeEvent(event)
        self.begin_anew()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while it was hidden."""
        self._turn.start()

    def changeEvent(self, event: QEvent) -> None:
        """Take over new colours and text sizes."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.begin_anew()
            self.updateGeometry()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say which line is under the pointer."""
        self.pointed.emit(self._meant(event.position()), event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        self.pointed.emit(-1, QPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the line under the pointer."""
        index = self._meant(event.position())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(index)


def _faint(shown: Parallel | None) -> float:
    """How much is left of the colour of lines, so that where many run is darker than where few do."""
    count = len(shown.names) if shown is not None else 0
    return next(share for most, share in _FAINT if count <= most)


class ParallelChart(QWidget):
    """The chart with its heading, legend, tool tips, and a way to save it."""

    chosen = Signal(str)  # name of a line

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.legend = Legend()
        self.plot = _Lines()
        self.plot.setAccessibleName(heading)
        self.saver = Saver(
            self.plot,
            title=lambda: heading,
            parts=(self.legend, self.plot),
            csv=self.as_csv,
            svg=lambda: self.saver.drawn(),
            pictured=self.plot.draw_lines,
        )
        self.save = self.saver.button()
        top = row(gap=0.6)
        top.addWidget(label(heading, "strong"), 1)
        top.addWidget(self.save)
        layout = column(self, gap=0.3)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        self.tip = Tip(self)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.chosen.connect(lambda index: self.chosen.emit(self._name(index)))

    def show_chart(self, shown: Parallel) -> None:
        """Show another chart."""
        if shown is not self.plot.shown:
            self.plot.show_lines(shown)
            self._show_legend()
            self.plot.setAccessibleDescription("; ".join(self._words(index) for index in shown.front[:_TOLD]))

    def choose(self, name: str) -> None:
        """Mark the line of this name; none where there is no such line."""
        shown = self.plot.shown
        found = shown.names.index(name) if shown is not None and name in shown.names else -1
        if found != self.plot.row:
            self.plot.row = found
            self.plot.update()

    def _name(self, index: int) -> str:
        assert self.plot.shown is not None
        return self.plot.shown.names[index]

    def _words(self, index: int) -> str:
        """All of a line."""
        shown = self.plot.shown
        assert shown is not None
        told = (f"{axis.name} {text}" for axis, text in zip(shown.axes, shown.texts[index], strict=True))
        return " · ".join((shown.names[index], *told))

    def _on_pointed(self, index: int, at: QPoint) -> None:
        self.tip.say(self._words(index) if index >= 0 else "", self.plot.mapTo(self, at))

    def _show_legend(self) -> None:
        shades = colors(self)
        self.legend.show_entries(
            (
                LegendEntry(tr("Trial"), "", shades.series[0], dashed=False, mark="s"),
                LegendEntry(tr("Pareto front"), "", shades.series[1], dashed=False, mark="s"),
                LegendEntry(tr("Selected"), "", shades.text, dashed=False, mark="s"),
            )
        )

    def changeEvent(self, event: QEvent) -> None:
        """Take over new colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "plot"):
            self._show_legend()

    def as_csv(self) -> str:
        """Every line."""
        shown = self.plot.shown
        if shown is None:
            return ""
        heads = ("", *(axis.name for axis in shown.axes))
        return csv_text(heads, ((name, *texts) for name, texts in zip(shown.names, shown.texts, strict=True)))
