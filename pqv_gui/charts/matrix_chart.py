"""A matrix of numbers as squares, with the names of rows and columns, and a readout at the one that is pointed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pqv_core.comparison.charts import MatrixChart
from pqv_gui.charts.saving import Saver
from pqv_gui.charts.tip import Tip
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.widgets.basics import column, label, row

_LARGEST, _SMALLEST = 2.6, 0.6  # sides of a square, in lines of text
_NAMES = 7.0  # most that a name takes, in lines of text
_NAMES_SHARE = 0.25  # most of the width that the names of rows take
_GAP = 0.4
_FAINTEST = 0.08  # how much of its colour the smallest number has


def _blended(under: QColor, over: QColor, share: float) -> QColor:
    """So much of the one over the other."""
    pairs = zip(_parts(under), _parts(over), strict=True)
    return QColor.fromRgbF(*(low + share * (high - low) for low, high in pairs))


def _parts(color: QColor) -> tuple[float, float, float]:
    return color.redF(), color.greenF(), color.blueF()


def _contrast(one: QColor, other: QColor) -> float:
    """How well the one is read on the other, from 1 to 21, as WCAG 2 has it."""
    low, high = sorted(_luminance(color) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: QColor) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True)
class _Place:
    """Where the squares are: the left upper corner of the first, and the side of each."""

    left: float
    top: float
    side: float


class _Plot(QWidget):
    """The squares themselves."""

    pointed = Signal(str, QPoint)  # what is said of a square, and where
    picked = Signal(int)  # the key of a row

    def __init__(self) -> None:
        super().__init__()
        self.chart: MatrixChart | None = None
        self.chosen: int | None = None
        self._most = 1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_chart(self, chart: MatrixChart) -> None:
        """Show another matrix."""
        self.chart = chart
        self._most = max((abs(value) for values in chart.values for value in values), default=0) or 1
        self.setAccessibleName(tr(chart.title))
        spoken = (
            chart.say(place, at)
            for place, values in enumerate(chart.values)
            for at, value in enumerate(values)
            if value
        )
        self.setAccessibleDescription("; ".join(spoken))
        self.updateGeometry()
        self.update()

    def choose(self, key: int | None) -> None:
        """Mark the row with this key."""
        if key != self.chosen:
            self.chosen = key
            self.update()

    def _names(self, metrics: QFontMetricsF) -> tuple[float, float]:
        """How wide the names of rows, and how high those of columns, may be."""
        assert self.chart is not None
        most = em(self, _NAMES)
        rows = max((metrics.horizontalAdvance(name) for name in self.chart.rows), default=0.0)
        columns = max((metrics.horizontalAdvance(name) for name in self.chart.columns), default=0.0)
        return min(rows, most, self.width() * _NAMES_SHARE) + em(self, _GAP), min(columns, most) + em(self, _GAP)

    def _place(self) -> _Place:
        assert self.chart is not None
        left, top = self._names(QFontMetricsF(self.font()))
        room = (self.width() - left - 1) / max(1, len(self.chart.columns))
        return _Place(left, top, min(em(self, _LARGEST), max(em(self, _SMALLEST), room)))

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        if self.chart is None:
            return QSize(em(self, 16), 1)
        place = self._place()
        return QSize(em(self, 16), round(place.top + place.side * len(self.chart.rows)) + 2)

    def minimumSizeHint(self) -> QSize:
        """The same height, with the smallest squares."""
        count = len(self.chart.columns) if self.chart is not None else 0
        return QSize(em(self, 6 + _SMALLEST * count), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wider squares are higher."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the names and the squares."""
        if self.chart is None:
            return
        painter, metrics, place = QPainter(self), QFontMetricsF(self.font()), self._place()
        self._paint_names(painter, metrics, place)
        for index, values in enumerate(self.chart.values):
            for at, value in enumerate(values):
                area = QRectF(place.left + at * place.side, place.top + index * place.side, place.side, place.side)
                self._paint_square(painter, metrics, area.adjusted(0, 0, -1, -1), value, right=index == at)

    def _paint_names(self, painter: QPainter, metrics: QFontMetricsF, place: _Place) -> None:
        assert self.chart is not None
        shades, gap = colors(self), em(self, _GAP)
        for index, name in enumerate(self.chart.rows):
            marked = self.chart.keys[index] == self.chosen
            painter.setPen(QColor(shades.accent if marked else shades.muted))
            area = QRectF(0, place.top + index * place.side, place.left - gap, place.side)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, area.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
        painter.setPen(QColor(shades.muted))
        for index, name in enumerate(self.chart.columns):
            painter.save()
            painter.translate(place.left + (index + 0.5) * place.side, place.top - gap / 2)
            painter.rotate(-90)
            area = QRectF(0, -place.side / 2, place.top - gap, place.side)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, area.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
            painter.restore()

    def _paint_square(
        self, painter: QPainter, metrics: QFontMetricsF, area: QRectF, value: int, *, right: bool
    ) -> None:
        shades = colors(self)
        share = (abs(value) / self._most) ** 0.6  # a few confusions among very many right answers are seen, too
        ground = QColor(shades.sunken)
        if value:
            ground = _blended(ground, QColor(shades.series[1 if value < 0 else 0]), _FAINTEST + (1 - _FAINTEST) * share)
        painter.fillRect(area, ground)
        if right:
            painter.setPen(QColor(shades.edge))
            painter.drawRect(area.adjusted(0, 0, -1, -1))
        assert self.chart is not None
        text = f"{value:+d}".replace("-", "−") if self.chart.signed else str(value)
        if value and metrics.horizontalAdvance(text) + 4 <= area.width():
            painter.setPen(max(map(QColor, (shades.text, shades.surface)), key=lambda ink: _contrast(ink, ground)))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def _at(self, where: QPointF) -> tuple[int, int] | None:
        """Row and column below the pointer."""
        if self.chart is None:
            return None
        place = self._place()
        at, index = int((where.x() - place.left) // place.side), int((where.y() - place.top) // place.side)
        inside = 0 <= index < len(self.chart.rows) and 0 <= at < len(self.chart.columns)
        return (index, at) if inside else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the pointer."""
        found = self._at(event.position())
        if found is not None and self.chart is not None:
            self.pointed.emit(self.chart.say(*found), event.position().toPoint())
        else:
            self.pointed.emit("", QPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the row."""
        found = self._at(event.position()) if event.button() == Qt.MouseButton.LeftButton else None
        if found is not None and self.chart is not None:
            self.picked.emit(self.chart.keys[found[0]])

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        self.pointed.emit("", QPoint())


class MatrixChartView(QWidget):
    """A matrix with its heading, readout, and a way to save it.

    Args:
        csv: What is saved as CSV, which may be more than is drawn.
    """

    picked = Signal(int)  # the key of a row

    def __init__(self, *, csv: Callable[[], str]) -> None:
        super().__init__()
        self.heading = label("", "strong", wrap=True)
        self.axes = label("", "caption", wrap=True)
        self.plot = _Plot()
        self.saver = Saver(
            self.plot, title=self.heading.text, parts=(self.axes, self.plot), csv=csv, svg=lambda: self.saver.drawn()
        )
        self.save = self.saver.button()
        self.header = row(gap=0.6)
        self.header.addWidget(self.heading, 1)
        self.header.addWidget(self.save)
        layout = column(self, gap=0.3)
        layout.addLayout(self.header)
        layout.addWidget(self.axes)
        layout.addWidget(self.plot)
        layout.addStretch()
        self.tip = Tip(self)
        self.plot.pointed.connect(lambda words, at: self.tip.say(words, self.plot.mapTo(self, at)))
        self.plot.picked.connect(self.picked)

    def show_chart(self, chart: MatrixChart) -> None:
        """Show another matrix."""
        if chart == self.plot.chart:
            return
        self.heading.setText(tr(chart.title))
        self.save.setAccessibleName(f"{tr('Save the chart')}: {tr(chart.title)}")
        words = tr("Images by class (rows) and answer (columns); the diagonal is right.")
        more = tr("Blue: more than before; orange: fewer.") if chart.signed else ""
        self.axes.setText(f"{words} {more}".strip())
        self.plot.show_chart(chart)

    def changeEvent(self, event: QEvent) -> None:
        """Take over other text sizes."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "plot"):
            self.plot.updateGeometry()
