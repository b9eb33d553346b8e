"""The list of models a person chooses from, and searching in it."""

from __future__ import annotations

from collections.abc import Sequence

from pqv_core.errors import ErrorInfo, ModelError
from pqv_core.models.catalog import Catalog, CatalogEntry
from pqv_gui.viewmodels.observable import Observable

KINDS = {"mlp": "MLP width", "attention": "attention", "embedding": "embedding"}


def can_be_cut(entry: CatalogEntry) -> str:
    """What pruning can cut in a model, as a sentence."""
    kinds = [name for kind, name in KINDS.items() if kind not in entry.uncut]
    return f"Can be pruned: {', '.join(kinds)}." if kinds else "Can be quantized but not pruned."


def cannot_be_cut(entry: CatalogEntry) -> str:
    """What pruning cannot cut in a model, and why, as sentences; empty where there is nothing."""
    named = {kind: why for kind, why in entry.uncut.items() if kind in KINDS}
    return " ".join(f"No {KINDS[kind]}: {why}." for kind, why in named.items())


def how_attention_is_cut(entry: CatalogEntry) -> str:
    """What of a model's attention is cut in one way only, as a sentence; empty where all of it is free."""
    only = {cut.unit for cut in entry.cuts if cut.kind == "attention"} - {""}
    words = {"heads": "can only lose whole heads", "width": "keeps its heads, which are narrowed"}
    part = "Its attention" if len(entry.attention_units) == 1 else "Some of its attention"
    return " ".join(f"{part} {words[unit]}." for unit in sorted(only))


class ModelCatalog(Observable):
    """All models, once the catalogue has been read, and those that fit the search."""

    def __init__(self) -> None:
        super().__init__()
        self._catalog: Catalog | None = None
        self.error: ErrorInfo | None = None
        self.shown: Sequence[CatalogEntry] = ()
        self.families: tuple[str, ...] = ()
        self.text = ""
        self.family = ""

    @property
    def loaded(self) -> bool:
        """Whether the catalogue has been read."""
        return self._catalog is not None

    def take(self, catalog: Catalog) -> None:
        """The catalogue has been read."""
        self._catalog = catalog
        self.error = None
        self.families = catalog.families()
        self._filter()

    def failed(self, error: ErrorInfo) -> None:
        """The catalogue cannot be read."""
        self.error = error
        self.notify()

    def get(self, name: str) -> CatalogEntry | None:
        """The model of this name; None when there is none, or the catalogue has not been read."""
        try:
            return self._catalog.get(name) if self._catalog is not None else None
        except ModelError:
            return None

    def why_unknown(self, name: str) -> str:
        """A sentence for a name that the catalogue does not have; empty for one that it has."""
        try:
            if self._catalog is not None:
                self._catalog.get(name)
        except ModelError as error:
            return str(error)
        return ""

    def __len__(self) -> int:
        return len(self._catalog.entries) if self._catalog is not None else 0

    def search(self, text: str, family: str) -> None:
        """Show the models that fit the words of ``text``, of one family or (empty) of all."""
        if (text, family) != (self.text, self.family):
            self.text, self.family = text, family
            self._filter()

    def _filter(self) -> None:
        if self._catalog is not None:
            self.shown = self._catalog.search(self.text, family=self.family or None)
        self.notify()

    def position(self, name: str) -> int:
        """Where ``name`` stands among those shown; -1 when it does not."""
        plain = name.partition(".")[0]
        return next((index for index, entry in enumerate(self.shown) if entry.name == plain), -1)
