"""Undo and redo, as a pure list of states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

LIMIT = 500
MERGE_S = 1.0
"""Changes of the same setting that follow each other within this time are undone in one step."""


@dataclass(frozen=True)
class _Entry(Generic[T]):
    state: T
    label: str


class UndoHistory(Generic[T]):
    """States that can be gone back to; a new state forgets those that were undone.

    Args:
        first: The state to begin with.
        clock: Seconds that never go backwards.
    """

    def __init__(self, first: T, *, clock: Callable[[], float]) -> None:
        self._entries = [_Entry(first, "")]
        self._position = 0
        self._clock = clock
        self._merge_until = float("-inf")

    @property
    def state(self) -> T:
        """The present state."""
        return self._entries[self._position].state

    @property
    def undo_label(self) -> str:
        """Name of the change that ``undo`` takes back; empty where there is none."""
        return self._entries[self._position].label if self._position else ""

    @property
    def redo_label(self) -> str:
        """Name of the change that ``redo`` makes again; empty where there is none."""
        following = self._entries[self._position + 1 : self._position + 2]
        return following[0].label if following else ""

    def push(self, state: T, label: str) -> None:
        """Make ``state`` the present one. A dragged slider gives one step, not a hundred."""
        now = self._clock()
        merges = self._position > 0 and self.undo_label == label and now < self._merge_until
        keep = self._position if merges else self._position + 1
        self._entries[keep:] = [_Entry(state, label)]
        del self._entries[: max(0, len(self._entries) - LIMIT)]
        self._position = len(self._entries) - 1
        self._merge_until = now + MERGE_S

    def undo(self) -> None:
        """Go back one step, if there is one."""
        self._position = max(0, self._position - 1)
        self._merge_until = float("-inf")

    def redo(self) -> None:
        """Go forward one step, if there is one."""
        self._position = min(len(self._entries) - 1, self._position + 1)
        self._merge_until = float("-inf")
