"""Settings that a person edits, whose changes are undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.undo_history import UndoHistory


class Undoable(Observable, ABC):
    """Keeps each state of the settings; one that is returned to is taken over as if it had been entered."""

    _history: UndoHistory[dict[str, Any]]

    @property
    def undo_label(self) -> str:
        """Which change can be undone; empty where there is none."""
        return self._history.undo_label

    @property
    def redo_label(self) -> str:
        """Which change can be made again; empty where there is none."""
        return self._history.redo_label

    def undo(self) -> None:
        """Take the last change back."""
        self._history.undo()
        self._settle()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._history.redo()
        self._settle()

    @abstractmethod
    def _settle(self) -> None:
        """Take the present state over, and tell of it."""
