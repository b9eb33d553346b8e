"""Bars by category, side by side or stacked, with a tool tip at the bar that is pointed to."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_core.comparison.charts import BarChart, value_text
from pqv_core.report import plain_data, svg
from pqv_gui.charts.legend import Legend, LegendEntry
from pqv_gui.charts.saving import Saver
from pqv_gui.charts.tip import Tip
from pqv_gui.i18n import tr
from pqv_gui.style.theme import DARK, colors, em
from pqv_gui.widgets.basics import column, label, row

_BAR, _GAP, _STACK = 1.05, 0.65, 1.55  # heights in lines of text
_DOUBTED = 0.4  # how much is left of a colour where the figure is not to be trusted
_NAMES = 0.38  # most of the width that the names take
_HEAD = 1.1  # lines of text above the bars, where the line at the base has its figure
_STRIPE, _OWN = 5, 4  # pixels from stripe to stripe, and of a bar that keep its own colour


@dataclass(frozen=True)
class _Bar:
    """Where a bar is, and what is said of it."""

    area: QRectF
    color: int
    words: str
    figure: str
    inside: str = ""
    doubted: bool = False
    below: bool = False


class _Plot(QWidget):
    """The bars themselves."""

    pointed = Signal(str, QPoint)  # what is said of a bar, and where

    def __init__(self) -> None:
        super().__init__()
        self.chart: BarChart | None = None
        self._bars: list[_Bar] = []
        self._lines: list[QRectF] = []
        self._base_at = 0.0
        self._placed_for: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_chart(self, chart: BarChart) -> None:
        """Show another chart."""
        self.chart, self._placed_for = chart, None
        self.setAccessibleName(tr(chart.title))
        self.setAccessibleDescription("; ".join(_spoken(chart)))
        self.updateGeometry()
        self.update()

    def _height(self, index: int) -> float:
        """Height of a category, with the gap below it."""
        assert self.chart is not None
        if self.chart.stacked:
            return em(self, _STACK + _GAP)
        return em(self, _BAR) * sum(s.values[index] is not None for s in self.chart.series) + em(self, _GAP)

    @property
    def _head(self) -> float:
        return em(self, _HEAD) if self.chart is not None and self.chart.base is not None else 0.0

    def sizeHint(self) -> QSize:
        """As high as its bars."""
        count = len(self.chart.categories) if self.chart else 0
        return QSize(em(self, 16), max(1, round(self._head + sum(self._height(index) for index in range(count)))))

    def minimumSizeHint(self) -> QSize:
        """The same height."""
        return QSize(em(self, 12), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bars that are looked at."""
        if self.chart is None:
            return
        painter, seen = QPainter(self), QRectF(event.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self.font())
        self._place(metrics)
        painter.setPen(QColor(colors(self).muted))
        for name, line in zip(self.chart.categories, self._lines, strict=True):
            if line.top() <= seen.bottom() and line.bottom() >= seen.top():
                shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, line.width())
                painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
        for bar in self._bars:
            if bar.area.top() <= seen.bottom() and bar.area.bottom() >= seen.top():
                self._paint_bar(painter, metrics, bar)
        self._paint_base(painter, metrics)

    def _paint_bar(self, painter: QPainter, metrics: QFontMetricsF, bar: _Bar) -> None:
        shades = colors(self)
        painter.setPen(Qt.PenStyle.NoPen)
        color = QColor(shades.series[bar.color % len(shades.series)])
        color.setAlphaF(_DOUBTED if bar.doubted else 1.0)
        painter.setBrush(color)
        painter.drawRoundedRect(bar.area, 2, 2)
        if bar.below:
            self._paint_hatch(painter, bar)
        if bar.inside and metrics.horizontalAdvance(bar.inside) + 8 < bar.area.width():
            painter.setPen(QColor(shades.surface))
            painter.drawText(bar.area, Qt.AlignmentFlag.AlignCenter, bar.inside)
        painter.setPen(QColor(shades.muted if bar.doubted else shades.bad if bar.below else shades.text))
        end = max(bar.area.right(), self._base_at) if bar.below else bar.area.right()  # not across the line
        figure = QRectF(end + 6, bar.area.top(), self.width(), bar.area.height())
        painter.drawText(figure, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, bar.figure)

    def _paint_hatch(self, painter: QPainter, bar: _Bar) -> None:
        """Red with stripes, but for the beginning, which tells the series."""
        shades, area = colors(self), bar.area.adjusted(min(_OWN, bar.area.width() / 4), 0, 0, 0)
        bad = QColor(shades.bad)
        bad.setAlphaF(_DOUBTED if bar.doubted else 1.0)
        painter.fillRect(area, QColor(shades.surface))
        painter.fillRect(area, bad)
        for place in range(1, int(area.width()) // _STRIPE + 1):
            x = area.left() + place * _STRIPE - 2
            painter.fillRect(QRectF(x, area.top(), 1.5, area.height()), QColor(shades.surface))

    def _paint_base(self, painter: QPainter, metrics: QFontMetricsF) -> None:
        """The line that bars are to reach, with its figure above it."""
        chart = self.chart
        if chart is None or chart.base is None or not self._lines:
            return
        x, shades = self._base_at, colors(self)
        painter.setPen(QPen(QColor(shades.text), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, self._head), QPointF(x, self._lines[-1].bottom()))
        words = chart.say(chart.base)
        width = metrics.horizontalAdvance(words)
        painter.setPen(QColor(shades.muted))
        painter.drawText(QRectF(x - width, 0, 2 * width, self._head), Qt.AlignmentFlag.AlignCenter, words)

    def _names(self, metrics: QFontMetricsF) -> float:
        assert self.chart is not None
        widest = max((metrics.horizontalAdvance(name) for name in self.chart.categories), default=0.0)
        return min(widest, self.width() * _NAMES) + em(self, 0.8)

    def _place(self, metrics: QFontMetricsF) -> None:
        """Where each bar and each name goes at the present width, unless that is known."""
        assert self.chart is not None
        if self._placed_for == (self.width(), em(self)):
            return
        self._placed_for = self.width(), em(self)
        chart, names = self.chart, self._names(metrics)
        longest = [sum(each) if chart.stacked else max(each) for each in chart.values]
        mark = " ⚠" if any(any(series.doubts) for series in chart.series) else ""
        mark += (
            f" {chart.below}"
            if any(chart.is_below(value) for series in chart.series for value in series.values if value is not None)
            else ""
        )
        figures = max((metrics.horizontalAdvance(chart.say(value) + mark) for value in longest), default=0.0)
        scale = max(1.0, self.width() - names - figures - em(self, 0.8)) / (chart.longest or 1.0)
        self._base_at = names + scale * (chart.base or 0.0)
        self._bars, self._lines, top = [], [], self._head
        make = self._stack if chart.stacked else self._group
        for index in range(len(chart.categories)):
            self._bars += make(index, QPointF(names, top), scale)
            height = self._height(index)
            self._lines.append(QRectF(0, top, names - em(self, 0.6), height - em(self, _GAP)))
            top += height

    def _group(self, index: int, at: QPointF, scale: float) -> list[_Bar]:
        assert self.chart is not None
        found: list[_Bar] = []
        pitch = em(self, _BAR)
        for place, series in enumerate(self.chart.series):
            value = series.values[index]
            if value is None:
                continue
            top = at.y() + len(found) * pitch
            area = QRectF(at.x(), top, max(1.0, value * scale), pitch - 2)
            words = f"{self.chart.categories[index]} · {series.name}: {self.chart.say(value)}"
            detail = series.detail(index)
            words = f"{words} · {detail}" if detail else words
            figure, below = self.chart.figure(series, index), self.chart.is_below(value)
            found.append(_Bar(area, self.chart.colours[place], words, figure, "", series.doubted(index), below))
        return found

    def _stack(self, index: int, at: QPointF, scale: float) -> list[_Bar]:
        assert self.chart is not None
        values = [series.values[index] or 0.0 for series in self.chart.series]
        found: list[_Bar] = []
        total, left = sum(values), at.x()
        last = max((place for place, value in enumerate(values) if value > 0), default=-1)
        for place, (series, value) in enumerate(zip(self.chart.series, values, strict=True)):
            if value <= 0:
                continue
            area = QRectF(left, at.y(), value * scale, em(self, _STACK))
            share = value_text(100 * value / total, "%")
            words = f"{self.chart.categories[index]} · {series.name}: {self.chart.say(value)}, {share}"
            figure = self.chart.say(total) if place == last else ""
            found.append(_Bar(area, self.chart.colours[place], words, figure, series.name))
            left = area.right()
        return found

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the pointer."""
        y = event.position().y()
        found = [bar for bar in self._bars if bar.area.contains(event.position())]
        beside = [bar for bar in self._bars if bar.area.top() <= y < bar.area.bottom()]
        if pointed := found or beside[-1:]:
            middle = pointed[0].area.center()
            at = QPointF(min(middle.x(), event.position().x()), middle.y())
            self.pointed.emit(pointed[0].words, at.toPoint())
        else:
            self.pointed.emit("", QPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        self.pointed.emit("", QPoint())


def _spoken(chart: BarChart) -> list[str]:
    return [
        f"{name}, {series.name}: {chart.figure(series, index)}"
        for index, name in enumerate(chart.categories)
        for series in chart.series
        if series.values[index] is not None
    ]


class BarChartView(QWidget):
    """A chart of bars with its heading, legend, tool tips, and a way to save it."""

    def __init__(self) -> None:
        super().__init__()
        self.heading = label("", "strong")
        self.legend = Legend()
        self.plot = _Plot()
        self.saver = Saver(
            self.plot, title=self.heading.text, parts=(self.legend, self.plot), svg=self._svg, csv=self._csv
        )
        self.save = self.saver.button()
        top = row(gap=0.6)
        top.addWidget(self.heading, 1)
        top.addWidget(self.save)
        layout = column(self, gap=0.3)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        layout.addStretch()
        self.tip = Tip(self)
        self.plot.pointed.connect(lambda words, at: self.tip.say(words, self.plot.mapTo(self, at)))

    @property
    def chart(self) -> BarChart | None:
        """What is shown."""
        return self.plot.chart

    def show_chart(self, chart: BarChart) -> None:
        """Show another chart."""
        if chart == self.chart:
            return
        self.heading.setText(tr(chart.title))
        self.save.setAccessibleName(f"{tr('Save the chart')}: {tr(chart.title)}")
        self.plot.show_chart(chart)
        self._show_legend()

    def _show_legend(self) -> None:
        chart = self.chart
        shades = colors(self).series
        several = chart is not None and len(chart.series) > 1
        self.legend.setVisible(several)
        if chart is not None and several:
            self.legend.show_entries(
                tuple(
                    LegendEntry(tr(series.name), "", shades[colour % len(shades)], dashed=False, mark="s")
                    for series, colour in zip(chart.series, chart.colours, strict=True)
                )
            )

    def changeEvent(self, event: QEvent) -> None:
        """Take over new colours and text sizes."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "plot"):
            self._show_legend()
            self.plot.updateGeometry()

    def _svg(self) -> str:
        if self.chart is None:
            return ""
        return svg.standalone(self.chart, dark=colors(self) is DARK, caption=self.saver.caption())

    def _csv(self) -> str:
        return plain_data.chart_table(self.chart) if self.chart else ""
