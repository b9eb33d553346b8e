"""A chart with the window's colours, a tool tip at the point that is pointed to, and a small, fixed cost of drawing.

pyqtgraph fits the axes anew for each point that comes, which draws them anew as well. Here the view grows in steps, so
that most updates draw the curves only.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QStyleOptionGraphicsItem, QWidget

from pqv_core import formatting
from pqv_core.report.plain_data import csv_text
from pqv_gui.charts.legend import Legend, LegendEntry
from pqv_gui.charts.mark_names import MarkNames
from pqv_gui.charts.saving import Saver
from pqv_gui.charts.tip import Tip
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels.results.series import Curve
from pqv_gui.widgets.basic_inputs import CheckInput
from pqv_gui.widgets.basics import button, column, label, row

POINTS = 600
"""Most points of one curve that are drawn; about as many as a chart is wide in pixels."""

_SMALLEST = 1e-6  # what a logarithm is taken of at least
_WIDE = 6.0  # ratio of the largest to the smallest from which on ratios tell more than differences
_WIDE_DECADES = 2.5  # from which on there is no room for ticks at 2 and 5
_ALONE = 7.0  # pixels: how large the point of a curve is that has no other
_CLOSEST = 1e-3  # share of the whole view that can be zoomed to

Floats = NDArray[np.float64]


def thinned(x: array[float], y: array[float], *, points: int = POINTS) -> tuple[Floats, Floats]:
    """At most about ``points`` points that look the same: lowest and highest of each stretch.

    Args:
        x: Ascending positions.
        y: As many values.
    """
    xs, ys = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    if len(xs) <= points:
        return xs, ys
    size = -(-len(xs) // (points // 2))
    whole = len(xs) // size * size
    blocks = ys[:whole].reshape(-1, size)
    starts = np.arange(0, whole, size)
    chosen = np.concatenate((starts + blocks.argmin(axis=1), starts + blocks.argmax(axis=1), [len(xs) - 1]))
    chosen = np.unique(chosen)
    return xs[chosen], ys[chosen]


def rounded_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7, 10 times a power of ten that is not below ``value``."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 1.5, 2, 3, 5, 7, 10, 15) if power * step >= value * (1 - 1e-9))


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """The value axis; where positions are decimal logarithms, its ticks stand at 1, 2 and 5 times powers of ten."""

    logarithmic = False

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Positions of the ticks, with their distance."""
        if not self.logarithmic:
            return list(super().tickValues(low, high, size))
        powers = range(math.floor(low) - 1, math.ceil(high) + 1)
        steps = (1.0, 2.0, 5.0) if high - low < _WIDE_DECADES else (1.0,)
        places = [math.log10(step) + power for power in powers for step in steps]
        return [(1.0, [place for place in places if low <= place <= high])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """What is written at the ticks."""
        if not self.logarithmic:
            return list(super().tickStrings(values, scale, spacing))
        return [f"{10.0**value:,.6g}" for value in values]


class WholeAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis of what is counted: its ticks are whole numbers."""

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """Distances of the ticks, and where they begin."""
        return [(max(1.0, spacing), offset) for spacing, offset in super().tickSpacing(low, high, size)]


class CurveLine(pg.PlotCurveItem):  # type: ignore[misc]
    """A curve, of which one point is seen as well."""

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None) -> None:
        """Draw the curve, or its only point."""
        if self.xData is None or len(self.xData) != 1:
            super().paint(painter, option, widget)
            return
        pen = QPen(self.opts["pen"].color(), _ALONE)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoint(QPointF(self.xData[0], self.yData[0]))

    def pixelPadding(self) -> float:
        """Room around the points, in pixels."""
        return max(_ALONE, float(super().pixelPadding()))


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """A plot that leaves the wheel to the page around it, unless Ctrl is held."""

    written: Callable[[QPainter], None] | None = None  # writes over all that is drawn, in places of the scene
    pointed = Signal(QPointF)  # a place of the scene
    left = Signal()
    reset_wanted = Signal()

    def drawForeground(self, painter: QPainter, area: QRectF) -> None:
        """Write what stands over all that is drawn."""
        super().drawForeground(painter, area)
        if self.written is not None:
            self.written(painter)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl; else the page scrolls."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
            event.accept()
        else:
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything again."""
        self.reset_wanted.emit()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say where the pointer is, each time: the scene leaves some moves out."""
        super().mouseMoveEvent(event)
        self.pointed.emit(self.mapToScene(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed to any more."""
        super().leaveEvent(event)
        self.left.emit()


class Dots(pg.GraphicsObject):  # type: ignore[misc]
    """Many small dots, drawn in one call."""

    def __init__(self) -> None:
        super().__init__()
        self._points = QPolygonF()
        self._area = QRectF()
        self._pen = QPen()

    def set_color(self, color: QColor, *, size: float, round_dots: bool) -> None:
        """Draw in this colour; round or square."""
        self._pen = QPen(color, size)
        self._pen.setCosmetic(True)
        self._pen.setCapStyle(Qt.PenCapStyle.RoundCap if round_dots else Qt.PenCapStyle.SquareCap)
        self.update()

    def set_data(self, x: Floats, y: Floats) -> None:
        """Draw these dots."""
        self._points = pg.functions.arrayToQPolygonF(x, y)
        area = QRectF()
        if len(x):
            area = QRectF(x[0], y.min(), max(1e-9, x[-1] - x[0]), max(1e-9, y.max() - y.min()))
        if area != self._area:
            self.prepareGeometryChange()
            self._area = area
        self.update()

    def boundingRect(self) -> QRectF:
        """Where the dots are."""
        return self._area

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the dots."""
        if not self._points.isEmpty():
            painter.setPen(self._pen)
            painter.drawPoints(self._points)


class Live(Protocol):
    """What a chart tells of."""

    @property
    def active(self) -> bool:
        """Whether more is to come."""


Told = TypeVar("Told", bound=Live)


class Chart(QWidget, Generic[Told]):
    """One plot with a heading, a legend that tells the newest figures, a crosshair and a tip at what is pointed to.

    Ctrl and the wheel zoom, within what there is to see; a double click shows everything again. Where values are far
    apart, a switch has equal distances mean equal ratios.

    Args:
        unit: Unit of the values, for the axis and the tool tip.
        from_zero: The value axis begins at 0, so that heights can be compared.
        most: The largest value that there can be; the axis ends there.
    """

    def __init__(
        self, heading: str, *, x_name: str, unit: str = "", from_zero: bool = False, most: float | None = None
    ) -> None:
        super().__init__()
        self._unit, self._x_name, self._from_zero, self._most = unit, x_name, from_zero, most
        self.logarithmic = False
        self._told: Told | None = None
        self._scale_chosen = False
        self.scale = CheckInput(tr("Logarithmic"))
        self.scale.setToolTip(tr("Equal distances are equal ratios"))
        self.scale.changed.connect(self._choose_scale)
        self.scale.hide()
        self._follow, self._growing = True, True
        self._view: tuple[float, float, float, float] | None = None
        self._bounds = (0.0, 1.0, 0.0, 1.0)  # of all that there is to see
        self._drawn: object = None
        self._series: dict[str, tuple[str, Floats, Floats]] = {}
        self._items: dict[str, tuple[Any, int, bool]] = {}
        self._raw: dict[str, tuple[str, array[float], array[float]]] = {}
        self.legend = Legend()
        self.reset = button(tr("Show all"), self.reset_view, kind="link", name=f"{tr('Show all')}: {heading}")
        self.reset.hide()
        self.plot = self._plot(heading)
        layout = column(self, gap=0.3)
        top = row(gap=0.6)
        top.addWidget(label(heading, "strong", wrap=True), 1)
        top.addWidget(self.scale)
        top.addWidget(self.reset)
        self.saver = Saver(
            self.plot,
            title=lambda: heading,
            parts=(self.legend, self.plot),
            csv=self.as_csv,
            svg=self.as_svg,
            pictured=self._pictured,
        )
        self.save = self.saver.button()
        top.addWidget(self.save)
        self.header = top
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self.tip = Tip(self)
        self.setMinimumWidth(em(times=13))
        self._recolor()

    def _plot(self, heading: str) -> Any:
        self._axis = ValueAxis("left")
        plot = Plot(axisItems={"left": self._axis, "bottom": WholeAxis("bottom")})
        plot.setAccessibleName(heading)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        plot.setMinimumHeight(em(times=9))
        plot.setMaximumHeight(em(times=22))
        self._item = plot.getPlotItem()
        self._cross = (pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=0))
        for line in self._cross:
            line.setZValue(-1)
            line.hide()
            self._item.addItem(line, ignoreBounds=True)
        self._item.hideButtons()
        self._item.layout.setContentsMargins(0, 8, 4, 0)
        self._item.disableAutoRange()
        box = self._item.getViewBox()
        box.setMenuEnabled(False)
        box.sigRangeChangedManually.connect(self._moved_by_hand)
        box.sigRangeChanged.connect(lambda *_: plot.viewport().update())
        self.names = MarkNames(self, box, named=self.named, unnamed=self.unnamed)
        plot.written = self.names.write
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, maxTickLevel=0)
            axis.setCacheMode(axis.CacheMode.DeviceCoordinateCache)
        plot.pointed.connect(self._hover)
        plot.left.connect(lambda: self.say_at(QPointF(), ""))
        plot.reset_wanted.connect(self.reset_view)
        return plot

    # drawing -------------------------------------------------------------------------------------------------

    def outdated(self, run: Told) -> bool:
        """Whether the run has told something that is not drawn yet."""
        return self.state(run) != self._drawn

    def state(self, run: Told) -> object:
        """Equal as long as the chart need not be drawn anew."""
        raise NotImplementedError

    def draw(self, run: Told) -> None:
        """Draw what the run has told so far."""
        self._growing, self._told = run.active, run
        self._suit_scale(run)
        self.draw_series(run)
        self._drawn = self.state(run)
        self.names.forget()
        self._fit()
        self._show_legend()

    def draw_series(self, run: Told) -> None:
        """Draw the curves."""
        raise NotImplementedError

    def color(self, index: int) -> QColor:
        """The colour of the series with this number."""
        series = colors(self).series
        return QColor(series[index % len(series)])

    def show_curve(self, key: str, name: str, curve: Curve, *, index: int, dashed: bool = False) -> None:
        """Draw the points of a curve."""
        if key not in self._items:
            item = CurveLine(antialias=False, skipFiniteCheck=True)
            self._items[key] = (item, index, dashed)
            self._item.addItem(item, ignoreBounds=True)
            self._style(key)
        self._raw[key] = name, curve.x, curve.y
        x, y = thinned(curve.x, curve.y)
        self._series[key] = (name, x, y)
        self._items[key][0].setData(x, self.scaled(y))

    def drop_curve(self, key: str) -> None:
        """Take one curve away, if it is there."""
        if key in self._items:
            self._item.removeItem(self._items.pop(key)[0])
            self._series.pop(key, None)
            self._raw.pop(key, None)

    def scaled(self, y: Floats) -> Floats:
        """Values as they are placed along the axis."""
        return np.log10(np.maximum(y, _SMALLEST)) if self.logarithmic else y

    def extent(self, run: Told) -> tuple[float, float] | None:
        """The smallest and the largest value that the scale is to suit; None where it is always that of differences."""
        return None

    def suits_itself(self) -> bool:
        """Whether the scale is chosen by how far values are apart, until a person decides."""
        return True

    def set_logarithmic(self, wanted: bool) -> None:
        """Equal distances mean equal ratios, or equal differences."""
        self.logarithmic = self._axis.logarithmic = wanted

    def _choose_scale(self, logarithmic: bool) -> None:
        self._scale_chosen = True
        self._rescale(logarithmic)
        if self._told is not None:
            self.draw(self._told)

    def _rescale(self, logarithmic: bool) -> None:
        self.set_logarithmic(logarithmic)
        self._drawn = None
        self._follow_again()

    def _suit_scale(self, run: Told) -> None:
        """Offer the other scale where values are far apart; until a person decides, take it."""
        ends = self.extent(run)
        apart = ends is not None and 0 < _WIDE * ends[0] < ends[1]
        on = self.scale.isChecked()
        if not self._scale_chosen and self.suits_itself() and apart != on and (apart or not self._growing):
            self.scale.set_value(apart)
            self._rescale(apart)
        self.scale.setVisible(apart or self.scale.isChecked())

    def _style(self, key: str) -> None:
        item, index, dashed = self._items[key]
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        item.setPen(pg.mkPen(self.color(index), width=2, style=style))

    def clear(self) -> None:
        """Take all curves away."""
        for item, *_ in self._items.values():
            self._item.removeItem(item)
        self._items.clear()
        self._series.clear()
        self._raw.clear()
        self._drawn = self._told = None
        self._follow_again()
        self.say_at(QPointF(), "")
        self.legend.show_entries(())

    # saving --------------------------------------------------------------------------------------------------

    def as_csv(self) -> str:
        """Every point that the chart tells of, not only those that are drawn."""
        heads = (tr("Series"), self._x_name, self._unit or tr("value"))
        return csv_text(
            heads, ((name, *point) for name, x, y in self._raw.values() for point in zip(x, y, strict=True))
        )

    def _pictured(self, begins: bool) -> None:
        """A picture has no pointer on it."""
        if begins:
            self.say_at(QPointF(), "")

    def as_svg(self) -> str:
        """The chart as it is seen."""
        return self.saver.drawn()

    # the view ------------------------------------------------------------------------------------------------

    def _fit(self) -> None:
        filled = [(x, y) for _, x, y in self._series.values() if len(x)]
        if not filled:
            return
        left = min(float(x[0]) for x, _ in filled)
        right = max(float(x[-1]) for x, _ in filled)
        low = min(float(y.min()) for _, y in filled)
        high = self.highest([y for _, y in filled])
        if self._follow and self._holds(left, right, low, high):
            return
        self._bounds = self._stepped(left, right, low, high)
        self._bound(*self._bounds)
        if self._follow:
            self._view = self._bounds
            self._item.setRange(xRange=self._view[:2], yRange=self._view[2:], padding=0.0)

    def _bound(self, left: float, right: float, bottom: float, top: float) -> None:
        """Let nobody move to where there is nothing."""
        self._item.getViewBox().setLimits(
            xMin=left,
            xMax=right,
            yMin=bottom,
            yMax=top,
            minXRange=_CLOSEST * (right - left),
            minYRange=_CLOSEST * (top - bottom),
        )

    def _holds(self, left: float, right: float, low: float, high: float) -> bool:
        """Whether the present view will do while points come: it holds them all, and they fill enough of it."""
        if self._view is None or not self._growing:
            return False
        first, last, bottom, top = self._view
        if self.logarithmic:
            low, high = self.scaled(np.array([low, high])).tolist()
        inside = first <= left and right <= last and bottom <= low and high <= top
        return inside and high - min(low, bottom if self._from_zero and not self.logarithmic else low) >= 0.3 * (
            top - bottom
        )

    def highest(self, series: list[Floats]) -> float:
        """The upper end of what is shown."""
        return max(float(y.max()) for y in series)

    def _stepped(self, left: float, right: float, low: float, high: float) -> tuple[float, float, float, float]:
        """A view that holds all of it and changes seldom while points come."""
        width = max(right - left, 1.0)
        width = rounded_up(width) if self._growing else width
        if self.logarithmic:
            ends = np.array([0.8 * low, (1.6 if self._growing else 1.1) * high])
            bottom, top = self.scaled(ends).tolist()
            return left, left + width, bottom, top
        if self._from_zero:
            return left, left + width, 0.0, rounded_up(1.02 * high)
        slack = (0.15 if self._growing else 0.05) * ((high - low) or abs(high) or 1.0)
        top = high + slack
        if self._most is not None:  # a little room for a line that runs along it
            top = min(top, self._most + 0.02 * (self._most - low + slack))
        return left, left + width, low - slack, top

    def _moved_by_hand(self, *_: object) -> None:
        (left, right), (bottom, top) = self._item.getViewBox().viewRange()
        if np.allclose((left, right, bottom, top), self._bounds, rtol=1e-6, atol=0.0):  # zoomed out to all there is
            self.reset_view()
        else:
            self._follow = False
            self.reset.show()

    def _follow_again(self) -> None:
        self._follow, self._view = True, None
        self.reset.hide()

    def reset_view(self) -> None:
        """Show everything again."""
        self._follow_again()
        self._fit()

    # names ---------------------------------------------------------------------------------------------------

    def named(self) -> list[tuple[QPointF, str]]:
        """Places of the view and what is written beside them: once all is told, each curve's name at its end."""
        if self._growing:
            return []
        shown = ((name, x, self.scaled(y)) for name, x, y in self._series.values() if len(x))
        return [(QPointF(float(x[-1]), float(y[-1])), name) for name, x, y in shown]

    def unnamed(self) -> list[QPointF]:
        """Places of the view over which nothing is written either."""
        return []

    # words ---------------------------------------------------------------------------------------------------

    def value(self, value: float) -> str:
        """A value with its unit."""
        return f"{formatting.significant(value)} {self._unit}".strip()

    def newest(self, key: str, y: Floats) -> str:
        """What the legend says of a curve."""
        return self.value(float(y[-1])) if len(y) else ""

    def described(self) -> str:
        """The newest value of each curve, for a screen reader."""
        return "; ".join(f"{name}: {self.newest(key, y)}" for key, (name, _, y) in self._series.items())

    def _show_legend(self) -> None:
        """Each curve with its newest value, in its colour."""
        entries = tuple(
            LegendEntry(name, self.newest(key, y), self.color(self._items[key][1]).name(), self._items[key][2])
            for key, (name, _, y) in self._series.items()
        )
        self.legend.show_entries(entries)
        self.plot.setAccessibleDescription(self.described())

    def _hover(self, where: QPointF) -> None:
        inside = self._item.getViewBox().sceneBoundingRect().contains(where)
        at, words = (self.pointed(where) if inside else None) or (where, "")
        self.say_at(at, words)

    def say_at(self, at: QPointF, words: str) -> None:
        """Say something of a place of the scene, at which the crosshair stands; nothing any more without words."""
        self.tip.say(words, self.plot.mapTo(self, self.plot.mapFromScene(at)))
        place = self._item.getViewBox().mapSceneToView(at) if words else QPointF()
        for line, value in zip(self._cross, (place.x(), place.y()), strict=True):
            line.setValue(value)
            line.setVisible(bool(words))

    def pointed(self, where: QPointF) -> tuple[QPointF, str] | None:
        """The point that is meant at a place of the scene, and what is said of it."""
        box = self._item.getViewBox()
        x = box.mapSceneToView(where).x()
        parts, places = [], []
        for name, xs, ys in self._series.values():
            if len(xs):
                nearest = int(np.abs(xs - x).argmin())
                parts.append(f"{name} {self.value(float(ys[nearest]))}")
                shown = float(self.scaled(ys[nearest : nearest + 1])[0])
                places.append(box.mapViewToScene(QPointF(float(xs[nearest]), shown)))
        if not places:
            return None
        at = min(places, key=lambda place: (place - where).manhattanLength())
        position = f"{box.mapSceneToView(at).x():,.2f}".rstrip("0").rstrip(".")
        return at, " · ".join([f"{self._x_name} {position}", *parts])

    # colours -------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Take over new colours and text sizes."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "plot"):
            self._recolor()

    def _recolor(self) -> None:
        shades = colors(self)
        self.plot.setBackground(QColor(shades.surface))
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.setPen(pg.mkPen(QColor(shades.border)))
            axis.setTextPen(pg.mkPen(QColor(shades.muted)))
            axis.setTickFont(self.font())
            axis.label.setFont(self.font())
        self._item.setLabel("bottom", self._x_name, color=shades.muted)
        self._item.setLabel("left", self._unit, color=shades.muted)
        if not self._unit:
            self._item.getAxis("left").showLabel(False)
        for line in self._cross:
            line.setPen(pg.mkPen(QColor(shades.edge), width=1, style=Qt.PenStyle.DotLine))
        for key in self._items:
            self._style(key)
        self._show_legend()
