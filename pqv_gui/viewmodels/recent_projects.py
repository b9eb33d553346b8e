"""Projects that were opened lately."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pqv_gui.viewmodels.observable import Observable

LIMIT = 1000


@dataclass(frozen=True)
class TextStore:
    """Where the list is kept between two starts."""

    read: Callable[[], Iterable[str]]
    write: Callable[[list[str]], None]


class RecentProjects(Observable):
    """Paths of project files, newest first, each once."""

    def __init__(self, store: TextStore) -> None:
        super().__init__()
        self._store = store
        self.paths: list[Path] = self._kept()

    def _kept(self) -> list[Path]:
        """The list as it is now: another window may have added to it."""
        return [Path(text) for text in self._store.read() if text][:LIMIT]

    def add(self, path: Path) -> None:
        """Put ``path`` first."""
        self._set([path, *(other for other in self._kept() if other != path)][:LIMIT])

    def forget(self, path: Path) -> None:
        """Take ``path`` out; the file stays."""
        self._set([other for other in self._kept() if other != path])

    def clear(self) -> None:
        """Take all out; the files stay."""
        self._set([])

    def _set(self, paths: list[Path]) -> None:
        self.paths = paths
        self._store.write([str(path) for path in paths])
        self.notify()
