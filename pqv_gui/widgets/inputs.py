"""Editors of single values. Each has ``get()``, ``set_value()`` and a ``changed`` signal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QSlider,
    QSpinBox,
    QWidget,
)

from pqv_gui.i18n import tr
from pqv_gui.theme import em
from pqv_gui.widgets.basics import button, row

_HEIGHT = 1.75  # lines of text
_MARGINS = (5, 0, 0, 0)  # of the line inside a spin box, in pixels


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
        self.lineEdit().setTextMargins(*_MARGINS)
        self.setMinimumSize(em(times=8), em(times=_HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
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
        self.setSpecialValueText(none)
        self.setSuffix(suffix)
        self.lineEdit().setTextMargins(*_MARGINS)
        self.setMinimumSize(em(times=8), em(times=_HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
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


class TextInput(QLineEdit):
    """A line of text; empty stands for None where ``optional``."""

    changed = Signal(object)

    def __init__(self, *, placeholder: str = "", optional: bool = False) -> None:
        super().__init__()
        self._optional = optional
        self.setMinimumHeight(em(times=_HEIGHT))
        self.setPlaceholderText(placeholder)
        self.textEdited.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> str | None:
        """The text."""
        text = self.text().strip()
        return None if self._optional and not text else text

    def set_value(self, value: str | None) -> None:
        """Show a text, without moving the cursor while it is the one that stands there."""
        if (self.get() or "") != (value or ""):
            self.setText(value or "")


class CheckInput(QCheckBox):
    """Yes or no."""

    changed = Signal(object)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setAccessibleName(text.replace("&", ""))
        self.clicked.connect(lambda checked: self.changed.emit(bool(checked)))

    def get(self) -> bool:
        """Whether it is ticked."""
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Tick or not."""
        self.setChecked(value)


class ComboInput(QComboBox):
    """One of a few."""

    changed = Signal(object)

    def __init__(self, options: dict[str, str]) -> None:
        super().__init__()
        for value, text in options.items():
            self.addItem(text, value)
        self.setMinimumHeight(em(times=_HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.activated.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> str:
        """The chosen value."""
        return str(self.currentData())

    def set_value(self, value: str) -> None:
        """Choose."""
        self.setCurrentIndex(self.findData(value))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page; a choice is not changed by passing over it."""
        event.ignore()


class RatioInput(QWidget):
    """A share in percent: one slider and one number."""

    changed = Signal(object)

    def __init__(self, *, low: float, high: float, name: str) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(low * 200), round(high * 200))  # half percents
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setMinimumHeight(em(times=_HEIGHT))
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


class PathInput(QWidget):
    """A file or a folder: a line, a button that opens the system's dialog, and a place to drop one.

    Args:
        folder: Whether a folder is meant.
        shown: How a chosen path is written into the line.
    """

    changed = Signal(object)
    picked = Signal(object)  # Path, when chosen in the dialog or dropped

    def __init__(
        self,
        *,
        folder: bool,
        name: str,
        placeholder: str = "",
        filters: str = "",
        shown: Callable[[Path], str] = str,
        start: Callable[[], Path] = Path.home,
    ) -> None:
        super().__init__()
        self._folder, self._name, self._filters = folder, name, filters
        self._shown, self._start = shown, start
        self.line = QLineEdit()
        self.line.setMinimumHeight(em(times=_HEIGHT))
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(name)
        self.line.setClearButtonEnabled(True)
        self.line.textEdited.connect(lambda _: self.changed.emit(self.get()))
        # The clear button does not count as editing.
        self.line.textChanged.connect(lambda text: None if text else self.changed.emit(None))
        self.browse = button(tr("Browse …"), self._open_dialog, name=tr("Browse: {name}").replace("{name}", name))
        self.setFocusProxy(self.line)
        self.setAcceptDrops(True)
        self.line.setAcceptDrops(False)
        layout = row(self, gap=0.4)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.browse)

    def get(self) -> str | None:
        """What the line says; None when it is empty."""
        return self.line.text().strip() or None

    def set_value(self, value: str | None) -> None:
        """Show a path."""
        if self.get() != value:
            self.line.blockSignals(True)
            self.line.setText(value or "")
            self.line.blockSignals(False)

    def pick(self, path: Path) -> None:
        """Take a path as if it had been chosen in the dialog."""
        self.set_value(self._shown(path))
        self.changed.emit(self.get())
        self.picked.emit(path)

    def _open_dialog(self) -> None:
        start = str(self._start())
        if self._folder:
            chosen = QFileDialog.getExistingDirectory(self, self._name, start)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, self._name, start, self._filters)
        if chosen:
            self.pick(Path(chosen))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one local file or folder, as the field wants it."""
        if self._dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Use what was dropped."""
        path = self._dropped(event)
        if path is not None:
            self.pick(path)
            event.acceptProposedAction()

    def _dropped(self, event: QDropEvent) -> Path | None:
        urls = event.mimeData().urls()
        if len(urls) != 1 or not urls[0].isLocalFile():
            return None
        path = Path(urls[0].toLocalFile())
        return path if path.is_dir() == self._folder else None


class ArgumentsInput(QLineEdit):
    """Keyword arguments of a model: ``img_size=32, depth=4``."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._value: dict[str, Any] = {}
        self.setMinimumHeight(em(times=_HEIGHT))
        self.setPlaceholderText("img_size=256, drop_path_rate=0.1")
        self.textEdited.connect(self._edited)

    def _edited(self, text: str) -> None:
        self._value = parse_arguments(text)
        self.changed.emit(self.get())

    def get(self) -> dict[str, Any]:
        """The arguments."""
        return dict(self._value)

    def set_value(self, value: dict[str, Any]) -> None:
        """Show arguments; text that means the same stays as it was typed."""
        if value != self._value:
            self._value = dict(value)
            self.setText(", ".join(f"{key}={_written(item)}" for key, item in value.items()))


def parse_arguments(text: str) -> dict[str, Any]:
    """``a=1, b=true, c=name`` as a dict; what has no ``=`` yet is left out."""
    found = {}
    for part in text.split(","):
        key, sign, value = part.partition("=")
        if sign and key.strip().isidentifier():
            found[key.strip()] = _read(value.strip())
    return found


_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None}


def _read(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def _written(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


class NumbersInput(QLineEdit):
    """Whole numbers with commas between: ``1, 2, 4``. What is no such list reads as none at all."""

    changed = Signal(object)

    def __init__(self, *, placeholder: str = "") -> None:
        super().__init__()
        self._value: tuple[int, ...] = ()
        self.setMinimumHeight(em(times=_HEIGHT))
        self.setPlaceholderText(placeholder)
        self.textEdited.connect(self._edited)

    def _edited(self, text: str) -> None:
        self._value = parse_numbers(text)
        self.changed.emit(self._value)

    def get(self) -> tuple[int, ...]:
        """The numbers."""
        return self._value

    def set_value(self, value: Sequence[int]) -> None:
        """Show numbers; text that means the same stays as it was typed."""
        if tuple(value) != self._value:
            self._value = tuple(value)
            self.setText(", ".join(map(str, value)))


def parse_numbers(text: str) -> tuple[int, ...]:
    """``1, 2, 4`` as numbers; empty when anything else stands there."""
    parts = [part.strip() for part in text.split(",")]
    right = all(part.isascii() and part.isdecimal() and len(part) < 7 for part in parts)
    return tuple(map(int, parts)) if right else ()


class WordsInput(QLineEdit):
    """Words between commas."""

    changed = Signal(object)

    def __init__(self, *, placeholder: str = "") -> None:
        super().__init__()
        self.setMinimumHeight(em(times=_HEIGHT))
        self.setPlaceholderText(placeholder)
        self.textEdited.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> tuple[str, ...]:
        """The words that are not empty."""
        return tuple(word for part in self.text().split(",") if (word := part.strip()))

    def set_value(self, value: Sequence[str]) -> None:
        """Show words, without moving the cursor while they are those that stand there."""
        if self.get() != tuple(value):
            self.setText(", ".join(value))
