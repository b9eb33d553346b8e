"""A chart with the window's colours, a readout under the pointer, and a fixed cost of drawing."""

from __future__ import annotations

import html
from array import array
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_core import formatting
from pqv_gui.theme import colors, em
from pqv_gui.viewmodels.series import Curve
from pqv_gui.widgets.basics import column, label, row

POINTS = 1_000
"""Most points of one curve that are drawn; more than a chart is wide in pixels."""

Floats = NDArray[np.float64]
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


def thinned(x: array[float], y: array[float], *, points: int = POINTS) -> tuple[Floats, Floats]:
    """At most about ``points`` points that look the same: lowest and highest of each stretch.

    Args:
        x: Ascending positions.
        y: As many values.
    """
    xs, ys = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    if len(xs) <= points:
        return xs, ys
    buckets = points // 2
    size = -(-len(xs) // buckets)
    whole = len(xs) // size * size
    blocks = ys[:whole].reshape(-1, size)
    starts = np.arange(0, whole, size)
    chosen = np.concatenate((starts + blocks.argmin(axis=1), starts + blocks.argmax(axis=1), [len(xs) - 1]))
    chosen = np.unique(chosen)
    return xs[chosen], ys[chosen]


class Chart(QWidget):
    """One plot with a heading above it and a readout beside the heading.

    Args:
        unit: Unit of the values, for the axis and the readout.
    """

    def __init__(self, heading: str, *, x_name: str, unit: str = "", from_zero: bool = False) -> None:
        super().__init__()
        self._heading, self._unit, self._x_name = heading, unit, x_name
        self._series: dict[str, tuple[Floats, Floats]] = {}
        self.readout = label("", "caption")
        self.plot = pg.PlotWidget(background=None)
        self.plot.setAccessibleName(heading)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.plot.setMinimumHeight(em(times=9))
        self.plot.setMaximumHeight(em(times=22))
        self.setMinimumWidth(em(times=13))
        item = self.plot.getPlotItem()
        item.hideButtons()
        item.setLabel("bottom", x_name)
        item.showGrid(x=False, y=True, alpha=0.15)
        item.getViewBox().setMenuEnabled(False)
        item.getViewBox().setDefaultPadding(0.04)
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, maxTickLevel=0)
        self._item = item
        self._from_zero = from_zero
        self.legend = label("", "caption", wrap=True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self._curves: dict[str, Any] = {}
        layout = column(self, gap=0.3)
        top = row(gap=0.6)
        top.addWidget(label(heading, "strong"))
        top.addStretch()
        top.addWidget(self.readout)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self.plot.scene().sigMouseMoved.connect(self._hover)
        self._recolor()

    def color(self, index: int) -> QColor:
        """The colour of the series with this number."""
        series = colors(self).series
        return QColor(series[index % len(series)])

    def curve(self, key: str, name: str, *, index: int, dashed: bool = False, width: int = 2) -> Any:
        """The curve ``key``, made when it is asked for first."""
        if key not in self._curves:
            item = pg.PlotDataItem(name=name, antialias=False)
            self._curves[key] = (item, index, dashed, width)
            self._item.addItem(item)
            self._style(key)
        return self._curves[key][0]

    def _style(self, key: str) -> None:
        item, index, dashed, width = self._curves[key]
        style = _DASHES[1 + index % 3] if dashed else _DASHES[0]
        item.setPen(pg.mkPen(self.color(index), width=width, style=style))

    def show_curve(self, key: str, name: str, curve: Curve, *, index: int, width: int = 2) -> None:
        """Draw the points of a curve."""
        x, y = thinned(curve.x, curve.y)
        self._series[name] = (x, y)
        self.curve(key, name, index=index, width=width).setData(x, y)
        self._show_legend()

    def _show_legend(self) -> None:
        """Each curve with its newest value, in its colour."""
        parts = []
        for (name, (_, y)), (_, index, *_) in zip(self._series.items(), self._curves.values(), strict=True):
            newest = self.newest(name, y)
            text = f"{html.escape(name)} <b>{newest}</b>".replace(" ", "&nbsp;")
            parts.append(f'<span style="color:{self.color(index).name()}">●</span>&nbsp;{text}')
        text = " &nbsp; ".join(parts)
        if text != self.legend.text():
            self.legend.setText(text)
            self.plot.setAccessibleDescription(self.described())

    def newest(self, name: str, y: Floats) -> str:
        """What the legend says of a curve."""
        return self.value(float(y[-1])) if len(y) else ""

    def clear(self) -> None:
        """Take all curves away."""
        for item, *_ in self._curves.values():
            self._item.removeItem(item)
        self._curves.clear()
        self._series.clear()
        self.readout.setText("")
        self.legend.setText("")

    def described(self) -> str:
        """The newest value of each curve, for a screen reader."""
        return "; ".join(f"{name}: {self.value(float(y[-1]))}" for name, (_, y) in self._series.items() if len(y))

    def value(self, value: float) -> str:
        """A value with its unit."""
        return f"{formatting.significant(value)} {self._unit}".strip()

    def _hover(self, where: QPointF) -> None:
        if not self._item.sceneBoundingRect().contains(where):
            self.readout.setText("")
            return
        x = self._item.getViewBox().mapSceneToView(where).x()
        parts = []
        for name, (xs, ys) in self._series.items():
            if len(xs):
                nearest = int(np.abs(xs - x).argmin())
                parts.append(f"{name} {self.value(float(ys[nearest]))}")
        at = f"{self._x_name} {max(0, round(x)):,}"
        self.readout.setText(" · ".join([at, *parts]) if parts else "")

    def reset_view(self) -> None:
        """Show everything again."""
        self._item.enableAutoRange()

    def changeEvent(self, event: QEvent) -> None:
        """Take over new colours and text sizes."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_item"):
            self._recolor()

    def _recolor(self) -> None:
        shades = colors(self)
        self.plot.setBackground(QColor(shades.surface))
        pen = pg.mkPen(QColor(shades.muted))
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.setPen(pg.mkPen(QColor(shades.border)))
            axis.setTextPen(pen)
            axis.setTickFont(self.font())
        self._item.setLabel("bottom", self._x_name, color=shades.muted)
        self._item.setLabel("left", self._unit, color=shades.muted)
        if not self._unit:
            self._item.getAxis("left").showLabel(False)
        for key in self._curves:
            self._style(key)
        self._show_legend()
