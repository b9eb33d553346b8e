"""Editors of what is typed with commas between: arguments, numbers, words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import FIELD_HEIGHT


class ArgumentsInput(QLineEdit):
    """Keyword arguments of a model: ``img_size=32, depth=4``."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._value: dict[str, Any] = {}
        self.setMinimumHeight(em(times=FIELD_HEIGHT))
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
        self.setMinimumHeight(em(times=FIELD_HEIGHT))
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
        self.setMinimumHeight(em(times=FIELD_HEIGHT))
        self.setPlaceholderText(placeholder)
        self.textEdited.connect(lambda _: self.changed.emit(self.get()))

    def get(self) -> tuple[str, ...]:
        """The words that are not empty."""
        return tuple(word for part in self.text().split(",") if (word := part.strip()))

    def set_value(self, value: Sequence[object]) -> None:
        """Show words, without moving the cursor while they are those that stand there."""
        words = tuple(map(str, value))
        if self.get() != words:
            self.setText(", ".join(words))
