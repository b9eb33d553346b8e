"""Models that a person has starred, and those used lately: remembered for all projects."""

from __future__ import annotations

from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.recent_projects import TextStore

MOST_RECENT = 12


class KeptModels(Observable):
    """Names of models, without the tags of weights.

    Attributes:
        starred: In the order in which they were starred.
        recent: The latest first.
    """

    def __init__(self, *, starred: TextStore, recent: TextStore) -> None:
        super().__init__()
        self._starred, self._recent = starred, recent
        self.starred = _names(starred)
        self.recent = _names(recent)[:MOST_RECENT]

    def star(self, name: str, wanted: bool) -> None:
        """Star a model, or take its star away; another window may have starred others meanwhile."""
        others = [other for other in _names(self._starred) if other != name]
        self._write([*others, name] if wanted else others, _names(self._recent))

    def use(self, name: str) -> None:
        """A model was used just now."""
        recent = _names(self._recent)
        if recent[:1] != (name,):
            self._write(list(_names(self._starred)), (name, *(other for other in recent if other != name)))

    def _write(self, starred: list[str], recent: tuple[str, ...]) -> None:
        self.starred, self.recent = tuple(starred), recent[:MOST_RECENT]
        self._starred.write(list(self.starred))
        self._recent.write(list(self.recent))
        self.notify()


def _names(store: TextStore) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in store.read() if text))
