"""Measuring on phones, live: one dot an inference, the running median, and the running p90 as a dashed line."""

from __future__ import annotations

import numpy as np

from pqv_gui.charts.chart import Floats
from pqv_gui.charts.dot_chart import DotChart
from pqv_gui.i18n import tr
from pqv_gui.pages.device.phone_run import LiveSeries, PhoneRun

_P90 = "/p90"


class PhoneChart(DotChart[PhoneRun]):
    """Latency of every inference, one series for each target, file and number of threads."""

    def __init__(self) -> None:
        self._run: PhoneRun | None = None
        super().__init__()

    def state(self, run: PhoneRun) -> object:
        """Which measuring, how many dots, and whether that is all."""
        return run.number, run.active, tuple(len(series.samples) for series in run.series.values())

    def extent(self, run: PhoneRun) -> tuple[float, float] | None:
        """The lowest and the highest median."""
        medians = [series.median for series in run.series.values() if series.median]
        return (min(medians), max(medians)) if medians else None

    def draw_series(self, run: PhoneRun) -> None:
        """Draw dots and medians of all, and the p90 of what each target measures now."""
        self._run = run
        self._medians = {} if run.active else run.medians()
        newest = {key.partition("|")[0]: key for key in run.series}
        for key, series in run.series.items():
            self._show(series.colour, key, series, with_p90=key in newest.values() and (run.active or len(newest) == 1))

    def _show(self, index: int, key: str, series: LiveSeries, *, with_p90: bool) -> None:
        self.show_dots(index, key, series.samples.x, series.samples.y)
        self.show_curve(key, series.name, series.medians, index=index)
        if with_p90:
            name = tr("{name}, p90").replace("{name}", series.name)
            self.show_curve(key + _P90, name, series.p90, index=index, dashed=True)
        else:
            self.drop_curve(key + _P90)

    def color_index(self, key: str) -> int:
        """That of the series."""
        return self._run.series[key].colour if self._run is not None and key in self._run.series else 0

    def highest(self, series: list[Floats]) -> float:
        """A little above the highest p90, so that a few outliers do not flatten all the rest."""
        return 1.15 * max(float(np.max(y)) for y in series)
