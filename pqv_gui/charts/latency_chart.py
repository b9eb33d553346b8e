"""One dot an inference, the running median, and both baselines as dashed lines."""

from __future__ import annotations

import statistics

import numpy as np

from pqv_core.results import artifacts
from pqv_gui.charts.chart import Floats
from pqv_gui.charts.dot_chart import DotChart
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.results.series import LatencySeries
from pqv_gui.viewmodels.run_view import RunView


class LatencyChart(DotChart[RunView]):
    """Latency of every iteration of the interleaved loop."""

    def extent(self, run: RunView) -> tuple[float, float] | None:
        """The lowest and the highest median: the slowest would flatten the fastest."""
        medians = [series.median for series in run.now.latency.values() if series.median]
        return (min(medians), max(medians)) if medians else None

    def state(self, run: RunView) -> object:
        """The run, how many dots there are, and whether that is all."""
        counts = tuple(len(series.samples) for series in run.now.latency.values())
        return run.now.run, run.active, counts, run.now.record is not None

    def draw_series(self, run: RunView) -> None:
        """Draw dots and medians."""
        if run.now.record is not None and not run.active:
            self._medians = {key: statistics.median(series.samples.y) for key, series in run.now.latency.items()}
        for key in sorted(run.now.latency, key=self.color_index):
            self._show(key, run.now.latency[key])

    def _show(self, key: str, series: LatencySeries) -> None:
        index = self.color_index(key)
        self.show_dots(index, key, series.samples.x, series.samples.y)
        dashed = artifacts.is_baseline(key)
        self.show_curve(key, tr(artifacts.label(key)), series.medians, index=index, dashed=dashed)

    def highest(self, series: list[Floats]) -> float:
        """A little above the highest median, so that a few outliers do not flatten all the rest."""
        return 1.25 * max(float(np.max(y)) for y in series)

    def is_round(self, key: str) -> bool:
        """Baselines have square dots."""
        return not artifacts.is_baseline(key)

    def color_index(self, key: str) -> int:
        """The same colour for an artefact, whichever came first."""
        return artifacts.colour(key)
