"""What charts of latencies share: a dot an inference, few enough to be drawn, and a median for each series."""

from __future__ import annotations

from array import array

from PySide6.QtGui import QColor

from pqv_gui.charts.chart import Chart, Dots, Floats, Told, thinned
from pqv_gui.i18n import tr

MOST_DOTS = 300
"""Most dots of one series that are drawn."""


class DotChart(Chart[Told]):
    """Latency of every inference; those who inherit draw the curves over the dots."""

    def __init__(self) -> None:
        self._dots: dict[str, Dots] = {}
        self._samples: dict[str, tuple[array[float], array[float]]] = {}
        self._medians: dict[str, float] = {}
        super().__init__(tr("Latency per inference"), x_name=tr("inference"), unit="ms", from_zero=True)

    def clear(self) -> None:
        """Show nothing."""
        super().clear()
        for dots in self._dots.values():
            self._item.removeItem(dots)
        self._dots.clear()
        self._samples.clear()
        self._medians.clear()

    def as_csv(self) -> str:
        """Each sample, and the curves over them."""
        for key, (x, y) in self._samples.items():
            self._raw[f"{key}/each"] = tr("{name}, each").replace("{name}", self._raw[key][0]), x, y
        return super().as_csv()

    def show_dots(self, index: int, key: str, x: array[float], y: array[float]) -> None:
        """Show the samples of a series, thinned; ``index`` is its colour's."""
        if key not in self._dots:
            self._dots[key] = Dots()
            self._item.addItem(self._dots[key], ignoreBounds=True)
            self._color_dots(index, key)
        self._samples[key] = x, y
        fewer_x, fewer_y = thinned(x, y, points=MOST_DOTS)
        self._dots[key].set_data(fewer_x, self.scaled(fewer_y))

    def is_round(self, key: str) -> bool:
        """Whether a series has round dots; the others are square."""
        return True

    def color_index(self, key: str) -> int:
        """Number of the colour of a series."""
        raise NotImplementedError

    def newest(self, key: str, y: Floats) -> str:
        """The running median; once all is measured, the median of all."""
        median = self._medians.get(key)
        return self.value(median) if median is not None else super().newest(key, y)

    def _color_dots(self, index: int, key: str) -> None:
        faint = QColor(self.color(index))
        faint.setAlpha(120)
        self._dots[key].set_color(faint, size=4.0, round_dots=self.is_round(key))

    def _recolor(self) -> None:
        super()._recolor()
        for key in self._dots:
            self._color_dots(self.color_index(key), key)
