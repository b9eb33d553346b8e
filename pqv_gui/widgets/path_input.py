"""An editor of the path of a file or a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import FIELD_HEIGHT, button, row


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
        self.line.setMinimumHeight(em(times=FIELD_HEIGHT))
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
        """What the line says, spaces at its ends too, as names of files may have some; None when it is empty."""
        text = self.line.text()
        return text if text.strip() else None

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
