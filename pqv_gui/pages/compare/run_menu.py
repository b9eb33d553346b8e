"""What can be done with a run of the table, as a menu: for its row, and for the button below the table."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from pqv_gui.i18n import tr


@dataclass(frozen=True)
class Allowed:
    """Why something cannot be done with a run now, in words; empty where it can.

    Attributes:
        pair: Two runs are selected, which are compared with each other.
    """

    use: str = ""
    measure: str = ""
    compare: str = ""
    rename: str = ""
    trash: str = ""
    pair: bool = False


class RunMenu(QMenu):
    """Open, use, measure, compare, rename, show, delete. What cannot be done now says why."""

    opened = Signal()
    used = Signal()
    measured = Signal()
    compared = Signal()
    renamed = Signal()
    revealed = Signal()
    trashed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._texts: dict[QAction, str] = {}
        self.open = self._add(tr("&Open"), self.opened, "Return")
        self.use = self._add(tr("&Use these settings"), self.used)
        self.measure = self._add(tr("&Measure on a phone"), self.measured)
        self.compare = self._add("", self.compared)
        self.addSeparator()
        self.rename = self._add(tr("&Rename"), self.renamed, "F2")
        self.reveal = self._add(tr("&Show in folder"), self.revealed)
        self.addSeparator()
        self.trash = self._add(tr("Move to &trash …"), self.trashed, "Del")

    def _add(self, text: str, told: SignalInstance, key: str = "") -> QAction:
        action = self.addAction(text)
        self._texts[action] = text
        if key:  # the table itself hears it; here it is only told
            action.setShortcut(QKeySequence(key))
            action.setShortcutVisibleInContextMenu(True)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _=False: told.emit())
        return action

    def allow(self, allowed: Allowed) -> None:
        """Enable what can be done now."""
        self._texts[self.compare] = tr("&Compare the two") if allowed.pair else tr("&Compare with …")
        reasons = {
            self.use: allowed.use,
            self.measure: allowed.measure,
            self.compare: allowed.compare,
            self.rename: allowed.rename,
            self.trash: allowed.trash,
        }
        for action, reason in reasons.items():
            action.setEnabled(not reason)
            action.setText(f"{self._texts[action]} – {reason}" if reason else self._texts[action])
