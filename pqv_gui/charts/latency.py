"""One dot an inference, the running median, and both baselines as dashed lines."""

from __future__ import annotations

import statistics

import numpy as np
from PySide6.QtGui import QColor

from pqv_gui.charts.base import Chart, Dots, Floats, thinned
from pqv_gui.i18n import tr
from pqv_gui.viewmodels import labels
from pqv_gui.viewmodels.run import RunView
from pqv_gui.viewmodels.series import LatencySeries
from pqv_gui.widgets.inputs import CheckInput

ORDER = ("compressed", "pruned_fp32", "fast_fp32", "paper_fp32")
BASELINES = ("fast_fp32", "paper_fp32")
DOTS = 300
_WIDE = 6.0
"""Most dots of one artefact that are drawn."""


class LatencyChart(Chart[RunView]):
    """Latency of every iteration of the interleaved loop."""

    def __init__(self) -> None:
        self._dots: dict[str, Dots] = {}
        self._medians: dict[str, float] = {}
        self._run: RunView | None = None
        super().__init__(tr("Latency of each inference"), x_name=tr("inference"), unit="ms", from_zero=True)
        self._chosen = False
        self.scale = CheckInput(tr("Lo&garithmic"))
        self.scale.setToolTip(tr("Equal distances mean equal ratios"))
        self.scale.changed.connect(self._choose_scale)
        self.header.addWidget(self.scale)

    def _choose_scale(self, logarithmic: bool) -> None:
        self._chosen = True
        self.set_logarithmic(logarithmic)
        if self._run is not None:
            self.draw(self._run)

    def _suit_scale(self, run: RunView) -> None:
        """Until a person decides: logarithms where the slowest would flatten the fastest."""
        medians = [series.median for series in run.now.latency.values() if series.median]
        wide = bool(medians) and max(medians) > _WIDE * min(medians)
        if not self._chosen and wide and not self.logarithmic:
            self.scale.set_value(True)
            self.set_logarithmic(True)

    def clear(self) -> None:
        """Show nothing."""
        super().clear()
        for dots in self._dots.values():
            self._item.removeItem(dots)
        self._dots.clear()
        self._medians.clear()

    def state(self, run: RunView) -> object:
        """The run, how many dots there are, and whether that is all."""
        counts = tuple(len(series.samples) for series in run.now.latency.values())
        return run.now.run, run.active, counts, run.now.record is not None

    def draw_series(self, run: RunView) -> None:
        """Draw dots and medians."""
        self._run = run
        self._suit_scale(run)
        if run.now.record is not None and not run.active:
            self._medians = {role: statistics.median(series.samples.y) for role, series in run.now.latency.items()}
        for index, role in enumerate(ORDER):
            series = run.now.latency.get(role)
            if series is not None:
                self._show(index, role, series)

    def _show(self, index: int, role: str, series: LatencySeries) -> None:
        if role not in self._dots:
            self._dots[role] = Dots()
            self._item.addItem(self._dots[role], ignoreBounds=True)
            self._color_dots(index, role)
        x, y = thinned(series.samples.x, series.samples.y, points=DOTS)
        self._dots[role].set_data(x, self.scaled(y))
        name = tr(labels.role(role))
        self.show_curve(role, name, series.medians, index=index, dashed=role in BASELINES)

    def highest(self, series: list[Floats]) -> float:
        """A little above the highest median, so that a few outliers do not flatten all the rest."""
        return 1.25 * max(float(np.max(y)) for y in series)

    def newest(self, key: str, y: Floats) -> str:
        """The running median; once all is measured, the median of all."""
        median = self._medians.get(key)
        return self.value(median) if median is not None else super().newest(key, y)

    def _color_dots(self, index: int, role: str) -> None:
        faint = QColor(self.color(index))
        faint.setAlpha(120)
        self._dots[role].set_color(faint, size=4.0, round_dots=role not in BASELINES)

    def _recolor(self) -> None:
        super()._recolor()
        for index, role in enumerate(ORDER):
            if role in self._dots:
                self._color_dots(index, role)
