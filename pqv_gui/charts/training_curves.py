"""Loss and accuracy while fine-tuning."""

from __future__ import annotations

import numpy as np

from pqv_gui.charts.chart import Chart
from pqv_gui.i18n import tr
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.results.series import Curve
from pqv_gui.viewmodels.run_view import RunView


class CurveChart(Chart[RunView]):
    """Some of a run's curves, by name.

    Args:
        names: Which, in order of their colours; the second and later ones are dashed.
        factor: Values are shown multiplied by this.
        most: The largest value that there can be.
        ratios: Whether equal distances may mean equal ratios.
    """

    def __init__(
        self,
        heading: str,
        *,
        names: tuple[str, ...],
        unit: str = "",
        factor: float = 1.0,
        most: float | None = None,
        ratios: bool = False,
    ) -> None:
        self._names, self._factor, self._ratios = names, factor, ratios
        super().__init__(heading, x_name=tr("epoch"), unit=unit, most=most)

    def has_data(self, run: RunView) -> bool:
        """Whether there is anything to draw."""
        return any(name in run.now.curves for name in self._names)

    def state(self, run: RunView) -> object:
        """The run, and how many points there are."""
        curves = run.now.curves
        return (run.now.run, run.active, *(len(curves[name]) if name in curves else 0 for name in self._names))

    def extent(self, run: RunView) -> tuple[float, float] | None:
        """The lowest and the highest of all points."""
        if not self._ratios:
            return None
        curves = [np.asarray(run.now.curves[name].y) for name in self._names if run.now.curves.get(name)]
        return (min(float(y.min()) for y in curves), max(float(y.max()) for y in curves)) if curves else None

    def suits_itself(self) -> bool:
        """Differences of losses are what is looked at, unless a person wants ratios."""
        return False

    def draw_series(self, run: RunView) -> None:
        """Draw the curves."""
        for index, name in enumerate(self._names):
            curve = run.now.curves.get(name)
            if curve is not None:
                shown = curve if self._factor == 1.0 else _scaled(curve, self._factor)
                self.show_curve(name, tr(display_names.metric(name)), shown, index=index, dashed=index > 0)

    def _stepped(self, left: float, right: float, low: float, high: float) -> tuple[float, float, float, float]:
        """From the beginning of the training on."""
        return super()._stepped(min(0.0, left), right, low, high)


def _scaled(curve: Curve, factor: float) -> Curve:
    scaled = Curve()
    scaled.x = curve.x
    scaled.y.extend(factor * value for value in curve.y)
    return scaled


def loss_chart() -> CurveChart:
    """Loss over the training images, over the validation images, and of training before and while pruning."""
    return CurveChart(tr("Loss"), names=("train_loss", "val_loss", "sparse_loss", "between_loss"), ratios=True)


def accuracy_chart() -> CurveChart:
    """Accuracy over the validation images, in percent."""
    return CurveChart(tr("Accuracy"), names=("val_top1", "val_top5"), unit="%", factor=100.0, most=100.0)
