"""One figure over another: a mark each, whose shape tells what it is, and a dashed line along the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor

from pqv_core.comparison.charts import Point, ScatterChart, value_text
from pqv_core.report import plain_data, svg
from pqv_gui.charts.chart import Chart, Floats, ValueAxis
from pqv_gui.charts.error_axis import ErrorAxis, percent, place
from pqv_gui.charts.legend import LegendEntry
from pqv_gui.i18n import tr
from pqv_gui.style.theme import DARK, colors, em

MARKS = ("o", "s", "t1", "d", "star", "p")
_NEAR = 24.0  # pixels from a mark within which it is read out
_MARK, _SMALL, _RING, _SMALL_RING = 10, 6, 17, 11
_MANY = 200  # marks from which on they are small ones
_TOLD = 100  # points; nobody listens to more
_HEIGHT = 17.0  # in lines of text


@dataclass(frozen=True)
class Shown:
    """What the chart tells of: it is complete at once."""

    chart: ScatterChart
    active: bool = False


class ParetoChart(Chart[Shown]):
    """Everything by what it costs and what it is worth.

    Args:
        heading: By default that of the comparison's.
        by_error: The values are percentages, and equal distances mean equal ratios of what is missing to 100 %.
    """

    chosen = Signal(str)  # what a point that was clicked is known by

    def __init__(self, heading: str = "", *, by_error: bool = False) -> None:
        self._chart: ScatterChart | None = None
        self._marks: dict[str, Any] = {}
        self._chosen = ""
        self._colours: tuple[int, ...] = ()  # of the series, found once: there may be thousands of points
        super().__init__(heading or tr("Accuracy vs. latency"), x_name="")
        self._by_error = by_error
        self._bottom = ValueAxis("bottom")
        axes: dict[str, Any] = {"bottom": self._bottom, **({"left": ErrorAxis("left")} if by_error else {})}
        for axis in axes.values():
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, maxTickLevel=0)
        self._item.setAxisItems(axes)
        self._rings = pg.ScatterPlotItem(symbol="o", size=_RING, brush=None)
        self._line = pg.PlotCurveItem(antialias=True)
        self._ring = pg.ScatterPlotItem(symbol="o", size=_RING + 6, brush=None)
        for height, item in enumerate((self._line, self._rings, self._ring), start=1):
            item.setZValue(height)  # above all marks
            self._item.addItem(item, ignoreBounds=True)
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self.plot.setMinimumHeight(em(times=_HEIGHT))
        self.plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._recolor()

    def color(self, index: int) -> QColor:
        """The colour of the series with this number."""
        return super().color(self._colours[index] if index < len(self._colours) else index)

    def mark(self, index: int) -> str:
        """The mark of the series with this number, as pyqtgraph calls it."""
        return MARKS[index % len(MARKS)]

    def mark_size(self, index: int) -> int:
        """How large the marks of the series with this number are, in pixels; small where there are many."""
        return _SMALL if self._chart is not None and len(self._chart.points) > _MANY else _MARK

    def extent(self, run: Shown) -> tuple[float, float] | None:
        """The least and the greatest cost."""
        costs = [point.x for point in run.chart.points]
        return (min(costs), max(costs)) if costs else None

    def set_logarithmic(self, wanted: bool) -> None:
        """Equal distances along the lower axis mean equal ratios, or equal differences."""
        self._bottom.logarithmic = wanted

    def state(self, run: Shown) -> object:
        """The chart itself."""
        return run.chart

    def draw_series(self, run: Shown) -> None:
        """Draw marks, rings around those on the front, and the line between them."""
        before, chart = self._chart, run.chart
        colours_before = self._colours
        self._chart, self._colours = chart, chart.colours
        renewed = list(self._marks) != list(chart.series)
        if renewed:
            for old in self._marks.values():
                self._item.removeItem(old)
            self._marks = {name: pg.ScatterPlotItem() for name in chart.series}
            for item in self._marks.values():
                self._item.addItem(item, ignoreBounds=True)
        self._series.clear()
        for index, (name, item) in enumerate(self._marks.items()):
            points = sorted((point for point in chart.points if point.series == name), key=lambda point: point.x)
            x, y = self._places(points)
            item.setData(x=x, y=y, symbol=self.mark(index), size=self.mark_size(index))
            self._series[name] = (name, x, y)
        self._all = self._places(chart.points)
        x, y = self._places(chart.front)
        self._line.setData(*((x, y) if chart.line else self._places(())))
        self._rings.setData(x=x, y=y, size=_SMALL_RING if len(chart.points) > _MANY else _RING)
        self._show_chosen()
        if before is None or _axes(before) != _axes(chart):
            self._recolor()
        elif renewed or colours_before != self._colours:
            self._color_marks()

    def named(self) -> list[tuple[QPointF, str]]:
        """Marks with their names, those of the front first."""
        points = self._chart.named if self._chart is not None else ()
        return [(QPointF(self._x(point.x), self._y(point.y)), point.name) for point in points]

    def unnamed(self) -> list[QPointF]:
        """The other marks, where there are not too many to write beside them."""
        points = self._chart.points if self._chart is not None else ()
        rest = points if len(points) <= _MANY else ()
        known = {point.known_by for point in self._chart.named} if self._chart is not None else set()
        return [QPointF(self._x(each.x), self._y(each.y)) for each in rest if each.known_by not in known]

    def choose(self, known_by: str) -> None:
        """Mark the point that is known by this; none where there is no such point."""
        if known_by != self._chosen:
            self._chosen = known_by
            self._show_chosen()

    def _show_chosen(self) -> None:
        points = self._chart.points if self._chart is not None else ()
        x, y = self._places([point for point in points if point.known_by == self._chosen][:1])
        self._ring.setData(x=x, y=y)

    def _on_clicked(self, event: Any) -> None:
        point = self.nearest(event.scenePos())
        if point is not None:
            self.chosen.emit(point.known_by)

    def _stepped(self, left: float, right: float, low: float, high: float) -> tuple[float, float, float, float]:
        """All marks with room around them."""
        aside = 0.06 * (right - left) or 0.1 * abs(right) or 1.0
        above = 0.1 * (high - low) or 1.0
        return left - aside, right + aside, low - above, high + above

    def _x(self, value: float) -> float:
        """Where a latency lies along the axis."""
        return math.log10(value) if self._bottom.logarithmic else value

    def _y(self, value: float) -> float:
        """Where a value lies along its axis."""
        return place(value) if self._by_error else value

    def _places(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        x = [self._x(point.x) for point in points]
        return np.array(x, dtype=np.float64), np.array([self._y(point.y) for point in points], dtype=np.float64)

    def _place(self, point: Point) -> QPointF:
        """Where a point's mark lies in the scene."""
        return QPointF(self._item.getViewBox().mapViewToScene(QPointF(self._x(point.x), self._y(point.y))))

    def nearest(self, where: QPointF) -> Point | None:
        """The point whose mark is under the pointer, or nearly."""
        if self._chart is None or not self._chart.points:
            return None
        box = self._item.getViewBox()
        at, (wide, high) = box.mapSceneToView(where), box.viewPixelSize()
        x, y = self._all
        distances = np.hypot((x - at.x()) / wide, (y - at.y()) / high)
        closest = int(distances.argmin())
        return self._chart.points[closest] if distances[closest] <= _NEAR else None

    def pointed(self, where: QPointF) -> tuple[QPointF, str] | None:
        """The point whose mark is under the pointer, and all that is known of it; else what the axes tell."""
        if self._chart is None or not self._chart.points:
            return None
        point = self.nearest(where)
        if point is None:
            return where, self._read(where)
        return self._place(point), " · ".join([*self.facts(point), *filter(None, [point.detail])])

    def _read(self, where: QPointF) -> str:
        """What the axes tell of a place of the scene."""
        assert self._chart is not None
        at = self._item.getViewBox().mapSceneToView(where)
        x = 10.0 ** at.x() if self._bottom.logarithmic else at.x()
        y = percent(at.y()) if self._by_error else at.y()
        return f"{value_text(x, self._chart.x_unit)}, {value_text(y, self._chart.y_unit)}"

    def described(self) -> str:
        """Each point, for a screen reader; of very many those on the front."""
        chart = self._chart
        if chart is None:
            return ""
        told = chart.points if len(chart.points) <= _TOLD else chart.front
        return "; ".join(self.said(point) for point in told)

    def said(self, point: Point) -> str:
        """A point in words."""
        name, *facts = self.facts(point)
        return f"{name}: {', '.join(facts)}"

    def facts(self, point: Point) -> list[str]:
        """The name of a point, its figures, and whether it is on the front."""
        assert self._chart is not None
        figures = f"{value_text(point.x, self._chart.x_unit)}, {value_text(point.y, self._chart.y_unit)}"
        return [point.name, figures, *([tr("on the Pareto front")] if point.front else [])]

    def _pictured(self, begins: bool) -> None:
        """In a picture marks are drawn as sharp as the rest, and not as pictures that the window keeps of them."""
        super()._pictured(begins)
        for item in (*self._marks.values(), self._rings, self._ring):
            item.opts["useCache"] = not begins

    def _show_legend(self) -> None:
        entries = [
            LegendEntry(tr(name), "", self.color(index).name(), dashed=False, mark=self.mark(index))
            for index, name in enumerate(self._marks)
        ]
        if self._chart is not None and self._chart.line and len(self._chart.front) > 1:
            entries.append(LegendEntry(tr("Pareto front"), "", colors(self).muted, dashed=True))
        self.legend.show_entries(tuple(entries))
        self.plot.setAccessibleDescription(self.described())

    def _recolor(self) -> None:
        super()._recolor()
        shades = colors(self)
        self._color_marks()
        if self._chart is not None:
            for side, words in zip(("bottom", "left"), _axes(self._chart), strict=True):
                self._item.setLabel(side, words, color=shades.muted)
        if hasattr(self, "_ring"):
            self._ring.setPen(pg.mkPen(QColor(shades.accent), width=2.5))
            self._rings.setPen(pg.mkPen(QColor(shades.text), width=1.3))
            self._line.setPen(pg.mkPen(QColor(shades.muted), width=1.5, dash=[4, 4]))

    def _color_marks(self) -> None:
        edge = pg.mkPen(QColor(colors(self).surface))
        for index, item in enumerate(self._marks.values()):
            item.setBrush(pg.mkBrush(self.color(index)))
            item.setPen(edge)

    def as_svg(self) -> str:
        """The chart as a report draws it."""
        if self._chart is None:
            return ""
        dark, below = colors(self) is DARK, self.saver.caption()
        return svg.standalone(self._chart, dark=dark, caption=below, logarithmic=self._bottom.logarithmic)

    def as_csv(self) -> str:
        """Every point."""
        return plain_data.chart_table(self._chart) if self._chart else ""


def _axes(chart: ScatterChart) -> tuple[str, str]:
    """What stands at both axes."""
    return _axis(chart.x_name, chart.x_unit), _axis(chart.y_name, chart.y_unit)


def _axis(name: str, unit: str) -> str:
    """What stands at an axis: ``latency, median [ms]``."""
    words = tr(name)
    words = words[:1].lower() + words[1:]
    return f"{words} [{unit}]" if unit else words
