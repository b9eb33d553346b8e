"""One dot an inference, the running median, and both baselines as lines."""

from __future__ import annotations

import statistics
from typing import Any

import pyqtgraph as pg
from PySide6.QtGui import QColor

from pqv_gui.charts.base import Chart, Floats, thinned
from pqv_gui.i18n import tr
from pqv_gui.viewmodels import labels
from pqv_gui.viewmodels.run import RunView
from pqv_gui.viewmodels.series import LatencySeries

ORDER = ("compressed", "pruned_fp32", "fast_fp32", "paper_fp32")
DOTS = 400
"""Most dots of one artefact that are drawn."""

_SYMBOLS = ("o", "t", "s", "d")


class LatencyChart(Chart):
    """Latency of every iteration of the interleaved loop."""

    def __init__(self) -> None:
        super().__init__(tr("Latency of each inference"), x_name=tr("inference"), unit="ms")
        self._dots: dict[str, Any] = {}
        self._medians: dict[str, float | None] = {}
        self._item.getViewBox().setLimits(yMin=0)

    def clear(self) -> None:
        """Show nothing."""
        super().clear()
        for dots in self._dots.values():
            self._item.removeItem(dots)
        self._dots.clear()

    def refresh(self, run: RunView) -> None:
        """Draw what the run has told so far."""
        whole = run.now.record is not None and not run.active
        for role, measured in run.now.latency.items():
            self._medians[tr(labels.role(role))] = statistics.median(measured.samples.y) if whole else None
        for index, role in enumerate(ORDER):
            series = run.now.latency.get(role)
            if series is not None:
                self._show(index, role, series)

    def newest(self, name: str, y: Floats) -> str:
        """The running median; once all is measured, the median of all."""
        median = self._medians.get(name)
        return self.value(median) if median is not None else super().newest(name, y)

    def _show(self, index: int, role: str, series: LatencySeries) -> None:
        name = tr(labels.role(role))
        if role not in self._dots:
            self._dots[role] = pg.ScatterPlotItem(pxMode=True, size=5, symbol=_SYMBOLS[index])
            self._item.addItem(self._dots[role])
            self._color_dots(index, role)
        x, y = thinned(series.samples.x, series.samples.y, points=DOTS)
        self._dots[role].setData(x=x, y=y)
        self.show_curve(role, name, series.medians, index=index)

    def _color_dots(self, index: int, role: str) -> None:
        faint = QColor(self.color(index))
        faint.setAlpha(110)
        self._dots[role].setPen(None)
        self._dots[role].setBrush(faint)

    def _recolor(self) -> None:
        super()._recolor()
        for index, role in enumerate(ORDER):
            if role in getattr(self, "_dots", {}):
                self._color_dots(index, role)
