"""Telling the widgets that something has changed, without knowing them."""

from __future__ import annotations

from collections.abc import Callable


class Observable:
    """Calls its subscribers, in the order in which they came, after each change."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have ``callback`` called after each change; the function that is returned ends it."""
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    def notify(self) -> None:
        """Call the subscribers."""
        for callback in tuple(self._callbacks):
            callback()
