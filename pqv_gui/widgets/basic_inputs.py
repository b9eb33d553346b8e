"""Editors of words, ticks and choices. Each editor has ``get()``, ``set_value()`` and a ``changed`` signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import FIELD_HEIGHT, column, label


class TextInput(QLineEdit):
    """A line of text; empty stands for None where ``optional``."""

    changed = Signal(object)

    def __init__(self, *, placeholder: str = "", optional: bool = False) -> None:
        super().__init__()
        self._optional = optional
        self.setMinimumHeight(em(times=FIELD_HEIGHT))
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

    def __init__(self, options: Mapping[str, str] | Mapping[int, str]) -> None:
        super().__init__()
        for value, text in options.items():
            self.addItem(text, value)
        self.setMinimumHeight(em(times=FIELD_HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.activated.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> Any:
        """The chosen value."""
        return self.currentData()

    def set_value(self, value: str | int) -> None:
        """Choose."""
        self.setCurrentIndex(self.findData(value))

    def offer(self, options: Mapping[str, str], chosen: str) -> None:
        """Offer these from now on, with one of them chosen; nothing is told meanwhile."""
        self.blockSignals(True)
        if [self.itemData(index) for index in range(self.count())] != list(options):
            self.clear()
            for key, text in options.items():
                self.addItem(text, key)
        for index, text in enumerate(options.values()):
            self.setItemText(index, text)
        self.set_value(chosen)
        self.blockSignals(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page; a choice is not changed by passing over it."""
        event.ignore()


class ChecksInput(QWidget):
    """Any number of a few, in their order, one below the other; below what cannot be ticked stands why."""

    changed = Signal(object)

    def __init__(self, options: dict[str, str]) -> None:
        super().__init__()
        lines = column(self, gap=0.25)
        self.boxes = {value: CheckInput(text) for value, text in options.items()}
        self.reasons = {value: label("", "caption", wrap=True) for value in options}
        for value, box in self.boxes.items():
            lines.addWidget(box)
            lines.addWidget(self.reasons[value])
            self.reasons[value].hide()
            box.changed.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> list[str]:
        """The values that are ticked."""
        return [value for value, box in self.boxes.items() if box.get()]

    def set_available(self, value: str, reason: str) -> None:
        """Take a choice away and say why, or with an empty ``reason`` give it back."""
        box, told = self.boxes[value], self.reasons[value]
        box.setEnabled(not reason)
        box.setAccessibleDescription(reason)
        told.setText(reason)
        told.setVisible(bool(reason))

    def set_value(self, value: Sequence[str]) -> None:
        """Tick these."""
        for key, box in self.boxes.items():
            box.set_value(key in value)
