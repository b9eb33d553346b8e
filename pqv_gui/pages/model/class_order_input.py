"""An editor of the order of classes: as text, natural, or as a file lists them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from pqv_core.data import class_order
from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.basic_inputs import ComboInput
from pqv_gui.widgets.basics import row
from pqv_gui.widgets.path_input import PathInput

_FILE = "file"


class ClassOrderInput(QWidget):
    """A choice, and beside it the path of a file while that is what is chosen.

    Args:
        shown: How a chosen path is written into the line.
        start: Folder in which the dialog begins.
    """

    changed = Signal(object)

    def __init__(self, *, shown: Callable[[Path], str] = str, start: Callable[[], Path] = Path.home) -> None:
        super().__init__()
        self._value: str = class_order.TEXT
        self.kind = ComboInput(
            {
                class_order.TEXT: tr("Text: 0, 1, 10, 2"),
                class_order.NATURAL: tr("Natural, as timm: 0, 1, 2, 10"),
                _FILE: tr("From a file"),
            }
        )
        self.kind.setAccessibleName(tr("Class order"))
        self.kind.setFixedWidth(max(em(times=14), self.kind.sizeHint().width()))
        self.path = PathInput(
            folder=False,
            name=tr("Class order file"),
            placeholder=tr("A file with one name per line"),
            filters=tr("Lists of classes (*.txt *.json *.csv *.names);;All files (*)"),
            shown=shown,
            start=start,
        )
        self.path.hide()
        self.setFocusProxy(self.kind)
        line = row(self, gap=0.6)
        line.addWidget(self.kind)
        line.addWidget(self.path, 1)
        line.addStretch()
        self.kind.changed.connect(lambda _: self._edited())
        self.path.changed.connect(lambda _: self._edited())

    def get(self) -> str:
        """The order; until a file is named, the one before."""
        return self._value

    def set_value(self, value: str) -> None:
        """Show an order."""
        self._value = value
        named = class_order.is_file(value)
        self.kind.set_value(_FILE if named else value)
        self.path.set_value(value if named else None)
        self.path.setVisible(named)

    def _edited(self) -> None:
        kind = self.kind.get()
        self.path.setVisible(kind == _FILE)
        value = self.path.get() if kind == _FILE else kind
        if value is not None and value != self._value:
            self._value = value
            self.changed.emit(value)
