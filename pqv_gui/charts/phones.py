"""Measuring on phones, live: one dot an inference, the running median, and the running p90 as a dashed line."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor

from pqv_gui.charts.base import Chart, Dots, Floats, thinned
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.phone_run import LiveSeries, PhoneRun

DOTS = 300
"""Most dots of one series that are drawn."""

_P90 = "/p90"


class PhoneChart(Chart[PhoneRun]):
    """Latency of every inference, one series for each target, file and number of threads."""

    def __init__(self) -> None:
        self._dots: dict[str, Dots] = {}
        self._medians: dict[str, float] = {}
        super().__init__(tr("Latency of each inference"), x_name=tr("inference"), unit="ms", from_zero=True)

    def clear(self) -> None:
        """Show nothing."""
        super().clear()
        for dots in self._dots.values():
            self._item.removeItem(dots)
        self._dots.clear()
        self._medians.clear()

    def state(self, run: PhoneRun) -> object:
        """Which measuring, how many dots, and whether that is all."""
        return run.number, run.active, tuple(len(series.samples) for series in run.series.values())

    def draw_series(self, run: PhoneRun) -> None:
        """Draw dots and medians of all, and the p90 of what each target measures now."""
        self._medians = {} if run.active else run.medians()
        newest = {key.partition("|")[0]: key for key in run.series}
        for index, (key, series) in enumerate(run.series.items()):
            self._show(index, key, series, with_p90=key in newest.values() and (run.active or len(newest) == 1))

    def _show(self, index: int, key: str, series: LiveSeries, *, with_p90: bool) -> None:
        if key not in self._dots:
            self._dots[key] = Dots()
            self._item.addItem(self._dots[key], ignoreBounds=True)
            self._color_dots(index, key)
        x, y = thinned(series.samples.x, series.samples.y, points=DOTS)
        self._dots[key].set_data(x, y)
        self.show_curve(key, series.name, series.medians, index=index)
        if with_p90:
            name = tr("{name}, p90").replace("{name}", series.name)
            self.show_curve(key + _P90, name, series.p90, index=index, dashed=True)
        else:
            self.drop_curve(key + _P90)

    def highest(self, series: list[Floats]) -> float:
        """A little above the highest p90, so that a few outliers do not flatten all the rest."""
        return 1.15 * max(float(np.max(y)) for y in series)

    def newest(self, key: str, y: Floats) -> str:
        """The running median; once all is measured, the median of all."""
        median = self._medians.get(key)
        return self.value(median) if median is not None else super().newest(key, y)

    def _color_dots(self, index: int, key: str) -> None:
        faint = QColor(self.color(index))
        faint.setAlpha(120)
        self._dots[key].set_color(faint, size=4.0, round_dots=True)

    def _recolor(self) -> None:
        super()._recolor()
        for index, key in enumerate(self._dots):
            self._color_dots(index, key)
