"""Events on their way from a thread that works to the window, in bunches."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Takes from any thread. Whoever floods it waits, until it is emptied or closed.

    Args:
        room: How much may lie in it.
    """

    def __init__(self, room: int = 4_000) -> None:
        self._room = room
        self._closed = False
        self._changed = threading.Condition()
        self._waiting: deque[T] = deque()

    def put(self, item: T) -> None:
        """Add one thing; waits while there is no room."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._room or self._closed)
            self._waiting.append(item)

    def take(self, limit: int) -> list[T]:
        """Up to ``limit`` things that have come since the last call, the oldest first."""
        with self._changed:
            taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            self._changed.notify_all()
        return taken

    def close(self) -> None:
        """From now on nobody waits: nothing is taken out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
