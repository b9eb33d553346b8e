"""Editors of one number: whole, real, or a share in percent."""

from __future__ import annotations

import math

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSlider, QSpinBox, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import FIELD_HEIGHT, row

_MARGINS = (5, 0, 0, 0)  # of the line inside a spin box, in pixels


def _dress(box: QAbstractSpinBox) -> None:
    """The size of a field, and no focus by the wheel."""
    box.lineEdit().setTextMargins(*_MARGINS)
    box.setMinimumSize(em(times=8), em(times=FIELD_HEIGHT))
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class IntInput(QSpinBox):
    """A whole number. With ``none``, the lowest position stands for "no value" and shows that word."""

    changed = Signal(object)

    def __init__(self, low: int, high: int, *, none: str = "", suffix: str = "") -> None:
        super().__init__()
        self._none = none
        self.setRange(low - 1 if none else low, high)
        self.setSpecialValueText(none)
        self.setGroupSeparatorShown(True)
        self.setSuffix(suffix)
        self.setLocale(QLocale(QLocale.Language.English))
        self.setAccelerated(True)
        _dress(self)
        self.valueChanged.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> int | None:
        """The number, or None."""
        number = super().value()
        return None if self._none and number == self.minimum() else number

    def set_value(self, value: int | None) -> None:
        """Show a number, or that there is none."""
        self.setValue(self.minimum() if value is None else value)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page; a number is not changed by passing over it."""
        event.ignore()


class RealInput(QDoubleSpinBox):
    """A real number written as short as can be, such as 0.00015; arrows change it by a step or by a factor."""

    changed = Signal(object)

    def __init__(self, low: float, high: float, *, step: float = 0.0, none: str = "", suffix: str = "") -> None:
        super().__init__()
        self._step = step
        self._none = none
        self._none_at = low - 1.0
        self._low = low
        self.setDecimals(12)
        self.setLocale(QLocale(QLocale.Language.C))
        self.setRange(self._none_at if none else low, high)
        self.setValue(self.minimum())
        self.setSpecialValueText(none)
        self.setSuffix(suffix)
        _dress(self)
        self.valueChanged.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> float | None:
        """The number, or None."""
        number = super().value()
        return None if self._none and number < self._low else number

    def set_value(self, value: float | None) -> None:
        """Show a number, or that there is none."""
        self.setValue(self._none_at if value is None else value)

    def textFromValue(self, value: float) -> str:
        """As few digits as say it."""
        return f"{value:.6g}"

    def valueFromText(self, text: str) -> float:
        """Also numbers such as 1.5e-4."""
        try:
            number = float(text.removesuffix(self.suffix()).strip())
        except ValueError:
            return self._none_at if self._none else self.value()
        return number if math.isfinite(number) else self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what reads as a number in range; let a person go on typing otherwise."""
        plain = text.removesuffix(self.suffix()).strip()
        if self._none and plain == self._none:
            return QValidator.State.Acceptable, text, position
        try:
            number = float(plain)
        except ValueError:
            allowed = set(plain.lower()) <= set("0123456789.e+-") or (self._none and self._none.startswith(plain))
            return (QValidator.State.Intermediate if allowed else QValidator.State.Invalid), text, position
        fits = math.isfinite(number) and self._low <= number <= self.maximum()
        return (QValidator.State.Acceptable if fits else QValidator.State.Intermediate), text, position

    def stepBy(self, steps: int) -> None:
        """Add steps; without a fixed step, move along 1, 2, 5, 10 of each power of ten."""
        if self._none and self.get() is None:
            self.setValue(max(self._low, 1.0) if steps > 0 else self._none_at)
        elif self._step:
            self.setValue(round(self.value() + steps * self._step, 9))
        else:
            self.setValue(_neighbour(self.value(), steps))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page; a number is not changed by passing over it."""
        event.ignore()


def _neighbour(value: float, steps: int) -> float:
    if value <= 0:
        return value
    ladder = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    for _ in range(abs(steps)):
        power = math.floor(math.log10(value) + 1e-9)
        rungs = [rung * 10.0**p for p in (power - 1, power, power + 1) for rung in ladder]
        if steps > 0:
            value = next(rung for rung in rungs if rung > value * 1.000001)
        else:
            value = next(rung for rung in reversed(rungs) if rung < value * 0.999999)
    return value


class RatioInput(QWidget):
    """A share in percent: one slider and one number."""

    changed = Signal(object)

    def __init__(self, *, low: float, high: float, name: str) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(low * 200), round(high * 200))  # half percents
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setMinimumHeight(em(times=FIELD_HEIGHT))
        self.slider.setAccessibleName(name)
        self.number = RealInput(low * 100, high * 100, step=0.5, suffix=" %")
        self.number.setAccessibleName(tr("{name}, in percent").replace("{name}", name))
        self.setFocusProxy(self.number)
        layout = row(self, gap=0.8)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.number)
        self.slider.valueChanged.connect(self._from_slider)
        self.number.changed.connect(self._from_number)

    def _from_slider(self, position: int) -> None:
        self.number.blockSignals(True)
        self.number.set_value(position / 2)
        self.number.blockSignals(False)
        self.changed.emit(self.get())

    def _from_number(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * 2))
        self.slider.blockSignals(False)
        self.changed.emit(self.get())

    def get(self) -> float:
        """The share, from 0 to 1."""
        return round(float(self.number.get() or 0.0) / 100, 8)

    def set_value(self, value: float) -> None:
        """Show a share."""
        for part in (self.slider, self.number):
            part.blockSignals(True)
        self.number.set_value(round(value * 100, 6))
        self.slider.setValue(round(value * 200))
        for part in (self.slider, self.number):
            part.blockSignals(False)
