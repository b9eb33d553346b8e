"""The line above the page of a project that is open to read: who writes it, and the way to write it here."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from pqv_gui.i18n import tr
from pqv_gui.widgets.basics import button, label, row


class ReadOnlyBar(QFrame):
    """Hidden while the project can be changed here."""

    def __init__(self, look_again: Callable[[], object]) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self.words = label("", wrap=True)
        self.again = button(tr("Look again"), look_again, name=tr("Check whether the project can be edited here now"))
        line = row(self, gap=0.8, margin=0.5)
        line.addWidget(self.words, 1)
        line.addWidget(self.again)
        self.hide()

    def show_writer(self, who: str) -> None:
        """Say who writes; empty where that is not known."""
        where = tr("It is being edited in another window{who}.").replace("{who}", f" {who}" if who else "")
        self.words.setText(tr("Opened read-only.") + " " + where)
        self.setAccessibleName(self.words.text())
