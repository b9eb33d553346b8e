"""Loss and accuracy while fine-tuning."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from pqv_gui.charts.base import Chart
from pqv_gui.i18n import tr
from pqv_gui.theme import em
from pqv_gui.viewmodels import labels
from pqv_gui.viewmodels.run import RunView
from pqv_gui.viewmodels.series import Curve
from pqv_gui.widgets.basics import row

LOSSES = ("train_loss", "val_loss")
ACCURACIES = ("val_top1", "val_top5")


class TrainingCharts(QWidget):
    """Two charts side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = Chart(tr("Loss"), x_name=tr("step"))
        self.accuracy = Chart(tr("Accuracy"), x_name=tr("step"), unit="%")
        layout = row(self, gap=1.0)
        layout.addWidget(self.loss, 1)
        layout.addWidget(self.accuracy, 1)
        self.setMinimumHeight(em(times=11))

    def clear(self) -> None:
        """Show nothing."""
        self.loss.clear()
        self.accuracy.clear()

    def refresh(self, run: RunView) -> None:
        """Draw what the run has told so far."""
        curves = run.now.curves
        for index, name in enumerate(LOSSES):
            if name in curves:
                self.loss.show_curve(name, tr(labels.metric(name)), curves[name], index=index)
        for index, name in enumerate(ACCURACIES):
            if name in curves:
                shown = _percent(curves[name])
                self.accuracy.show_curve(name, tr(labels.metric(name)), shown, index=index + 2)


def _percent(curve: Curve) -> Curve:
    shares = Curve()
    shares.x = curve.x
    shares.y.extend(100 * value for value in curve.y)
    return shares
