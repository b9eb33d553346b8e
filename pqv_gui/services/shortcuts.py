"""The keys of every action: their defaults, and what the person has made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence

from pqv_gui.services.settings import Settings

_PORTABLE = QKeySequence.SequenceFormat.PortableText


@dataclass(frozen=True)
class Shortcut:
    """An action that can have keys.

    Attributes:
        name: Under which its keys are kept, such as ``Run/Cancel``.
        defaults: Its keys when nobody has changed them.
    """

    name: str
    action: QAction
    defaults: tuple[QKeySequence, ...]

    @property
    def keys(self) -> QKeySequence:
        """The first of its keys; empty for none."""
        return self.action.shortcut()

    @property
    def changed(self) -> bool:
        """Whether the person has changed them."""
        return tuple(self.action.shortcuts()) != self.defaults


class Shortcuts:
    """All of them; changes are kept in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._store = settings.store("shortcuts")
        self._own = dict(line.split("\t", 1) for line in self._store.read() if "\t" in line)
        self._all: dict[str, Shortcut] = {}

    def __iter__(self) -> Iterator[Shortcut]:
        return iter(self._all.values())

    def add(self, name: str, action: QAction) -> None:
        """Take an action with its default keys, and give it the person's own, if there are any."""
        self._all[name] = Shortcut(name, action, tuple(action.shortcuts()))
        if name in self._own:
            action.setShortcut(QKeySequence(self._own[name], _PORTABLE))

    def taken_by(self, keys: QKeySequence, *, other_than: str) -> Shortcut | None:
        """Which other action has these keys."""
        if keys.isEmpty():
            return None
        return next((item for item in self if item.name != other_than and keys in item.action.shortcuts()), None)

    def change(self, name: str, keys: QKeySequence) -> None:
        """Give an action other keys; an empty sequence takes them away."""
        self._all[name].action.setShortcut(keys)
        self._own[name] = keys.toString(_PORTABLE)
        self._keep()

    def reset(self, name: str) -> None:
        """Give an action its default keys back."""
        item = self._all[name]
        item.action.setShortcuts(list(item.defaults))
        self._own.pop(name, None)
        self._keep()

    def _keep(self) -> None:
        self._store.write([f"{name}\t{keys}" for name, keys in self._own.items()])
