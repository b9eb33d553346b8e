"""Editors of what a setting is varied over: ticks for words, from and to for numbers. Both hold text for ``--vary``."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.basic_inputs import CheckInput, TextInput
from pqv_gui.widgets.basics import column, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns

_BOXES = 2  # side by side
_NUMBER = 4.6  # width of a field, in lines of text


class WordsTicked(QWidget):
    """Any number of words: ``fp32,int8-dynamic``."""

    changed = Signal(object)

    def __init__(self, options: Mapping[str, str], *, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        lines = column(self, gap=0.2)
        self.boxes = {value: CheckInput(text) for value, text in options.items()}
        boxes = list(self.boxes.items())
        for first in range(0, len(boxes), _BOXES):
            line = row(gap=0.8)
            for value, box in boxes[first : first + _BOXES]:
                box.setAccessibleName(f"{name}: {options[value]}")
                box.changed.connect(lambda _: self.changed.emit(self.get()))
                line.addWidget(box)
            line.addStretch()
            lines.addLayout(line)

    def get(self) -> str:
        """The words that are ticked, with commas between."""
        return ",".join(value for value, box in self.boxes.items() if box.get())

    def set_value(self, text: str) -> None:
        """Tick these."""
        words = text.split(",")
        for value, box in self.boxes.items():
            box.set_value(value in words)


class NumbersFromTo(QWidget):
    """A range: ``0.1:0.6:0.05``, ``1e-05:0.001:log``."""

    changed = Signal(object)

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.low, self.high, self.step = (TextInput() for _ in range(3))
        self.step.setPlaceholderText(tr("any"))
        ends, more = QWidget(), QWidget()
        line = row(ends, gap=0.5)
        for field, words in ((self.low, tr("from")), (self.high, tr("to")), (self.step, tr("step"))):
            field.setAccessibleName(f"{name}, {words}")
            field.setFixedWidth(em(times=_NUMBER))
            field.changed.connect(lambda _: self.changed.emit(self.get()))
            line.addWidget(label(words, "muted"))
            line.addWidget(field)
        self.log = CheckInput(tr("Logarithmic"))
        self.log.setAccessibleName(f"{name}, {tr('Logarithmic').lower()}")
        self.log.setToolTip(tr("As many values below the tenfold as above it"))
        self.log.changed.connect(self._on_log)
        line.addStretch()
        line = row(more, gap=0.5)
        line.addWidget(self.log)
        line.addStretch()
        column(self, gap=0).addWidget(FoldingColumns([(ends, 0), (more, 1)], fold_below=28, gap=0.4))

    def _on_log(self, _: bool) -> None:
        self._fit()
        self.changed.emit(self.get())

    def _fit(self) -> None:
        self.step.setEnabled(not self.log.get())

    def get(self) -> str:
        """As ``space.parse`` takes it; what is missing is for it to say."""
        last = "log" if self.log.get() else self.step.get() or ""
        parts = [self.low.get() or "", self.high.get() or "", *([last] if last else [])]
        return ":".join(parts)

    def set_value(self, text: str) -> None:
        """Show a range."""
        low, high, last, *_ = [*text.split(":"), "", "", ""]
        self.low.set_value(low)
        self.high.set_value(high)
        self.log.set_value(last == "log")
        if last != "log":
            self.step.set_value(last)
        self._fit()
