"""The list of models a person chooses from: searched, sorted, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pqv_core import formatting
from pqv_core.errors import ErrorInfo, ModelError
from pqv_core.latency.dense import Conditions, DenseLatencies, DenseLatency
from pqv_core.models.catalog import Catalog, CatalogEntry
from pqv_core.models.orders import ORDERS, Order
from pqv_gui.viewmodels.kept_models import KeptModels
from pqv_gui.viewmodels.observable import Observable

KINDS = {"mlp": "MLP width", "attention": "attention", "embedding": "embedding"}
Only = Literal["", "starred", "recent"]
BEST_MATCH = ""
_UNSORTED = "accuracy"  # what stands beside models that are not sorted by a figure
_LATENCY = "latency: "


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


def published_accuracy(entry: CatalogEntry, name: str) -> str:
    """What is published of the weights that ``name`` stands for, as a sentence; empty where there are no weights.

    Args:
        name: As the project has it, with or without a tag.
    """
    weights = entry.weights_of(name)
    if weights is None:
        return ""
    if not weights.accuracies:
        return f"No published ImageNet-1k accuracy for the weights {weights.tag}."
    parts = [f"{formatting.percent(each.top1)} at {each.image_size} px" for each in weights.accuracies]
    return f"ImageNet-1k top-1 as published: {', '.join(parts)} (weights {weights.tag})."


class ModelCatalog(Observable):
    """All models, once the catalogue has been read, and those that fit the search, in the order asked for.

    Subscribers hear of the catalogue; those of ``listed``, letter by letter, of what is shown of it.

    Attributes:
        only: Of all models, or of those that the person has starred or used lately.
        order: Key of an order, see ``orders``; empty for the best match first.
        latencies: What is known of how long models take.
        revision: Another number whenever other models are shown or starred, or otherwise.
    """

    def __init__(self, kept: KeptModels | None = None) -> None:
        super().__init__()
        self._catalog: Catalog | None = None
        self.listed = Observable()
        self.kept = kept
        self.error: ErrorInfo | None = None
        self.shown: Sequence[CatalogEntry] = ()
        self.families: tuple[str, ...] = ()
        self.text = ""
        self.family = ""
        self.only: Only = ""
        self.order = BEST_MATCH
        self.latencies: DenseLatencies = {}
        self.revision = 0
        self._conditions: Mapping[str, Conditions] = {}
        if kept is not None:
            kept.subscribe(self._filter)

    @property
    def loaded(self) -> bool:
        """Whether the catalogue has been read."""
        return self._catalog is not None

    @property
    def entries(self) -> Sequence[CatalogEntry]:
        """All models."""
        return self._catalog.entries if self._catalog is not None else ()

    @property
    def accuracy_source(self) -> str:
        """Whose the published accuracies are; empty where there are none."""
        return self._catalog.accuracy_source if self._catalog is not None else ""

    @property
    def starred(self) -> tuple[str, ...]:
        """Names of the models that the person has starred."""
        return self.kept.starred if self.kept is not None else ()

    def take(self, catalog: Catalog) -> None:
        """The catalogue has been read."""
        self._catalog = catalog
        self.error = None
        self.families = catalog.families()
        self._filter()
        self.notify()

    def take_latencies(self, latencies: DenseLatencies) -> None:
        """What is known of latencies has been read; by what nobody knows any more nothing is sorted."""
        if latencies == self.latencies:
            return
        self.latencies = latencies
        self._conditions = {f"{_LATENCY}{conditions.words}": conditions for conditions in latencies}
        if self.order not in self.orders:
            self.order = BEST_MATCH
        self._filter(anew=True)

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
        return len(self.entries)

    # which are shown -----------------------------------------------------------------------------------------

    def search(self, text: str, family: str) -> None:
        """Show the models that fit the words of ``text``, of one family or (empty) of all."""
        if (text, family) != (self.text, self.family):
            self.text, self.family = text, family
            self._filter()

    def show_only(self, only: Only) -> None:
        """Show only what the person has starred, or used lately; or (empty) all."""
        if only != self.only:
            self.only = only
            self._filter()

    def order_by(self, key: str) -> None:
        """Sort otherwise; ``key`` is one of ``orders``."""
        if key != self.order:
            self.order = key
            self._filter(anew=True)

    @property
    def orders(self) -> dict[str, str]:
        """The orders that there are: keys, and what a person reads."""
        timed = {
            key: f"Latency: {conditions.words} ({formatting.counted(len(self.latencies[conditions]), 'model')})"
            for key, conditions in self._conditions.items()
        }
        return {BEST_MATCH: "Best match", **{key: order.label for key, order in ORDERS.items()}, **timed}

    def _filter(self, *, anew: bool = False) -> None:
        """Find what is to be shown; where that is what is shown, it stays the same object, unless it is told anew."""
        self.revision += 1
        if self._catalog is not None:
            found = self._catalog.search(self.text, family=self.family or None)
            if self.only and self.kept is not None:
                names = {name: place for place, name in enumerate(getattr(self.kept, self.only))}
                found = [entry for entry in found if entry.name in names]
                if not self.text.split():
                    found.sort(key=lambda entry: names[entry.name])
            found = self._order.sorted(found) if self._order is not None else found
            if anew or found != self.shown:
                self.shown = found
        self.listed.notify()

    @property
    def _order(self) -> Order | None:
        """By which figure the models are sorted; None for the best match."""
        timed = self.latencies.get(self._conditions[self.order]) if self.order in self._conditions else None
        if timed is not None:
            return Order("Latency", lambda entry: timed[entry.name].ns if entry.name in timed else None)
        return ORDERS.get(self.order)

    def position(self, name: str) -> int:
        """Where ``name`` stands among those shown; -1 when it does not."""
        plain = name.partition(".")[0]
        return next((index for index, entry in enumerate(self.shown) if entry.name == plain), -1)

    def charted(self, name: str) -> str:
        """By which name the chart knows the model; empty where ``name`` stands for other than its default weights."""
        entry = self.get(name)
        is_default = entry is not None and entry.pretrained and entry.weights_of(name) is entry.weights[0]
        return entry.name if entry is not None and is_default else ""

    # what is said of each ------------------------------------------------------------------------------------

    @property
    def figure_name(self) -> str:
        """What the figure at the right of each model is."""
        return (self._order or ORDERS[_UNSORTED]).label

    def figure(self, entry: CatalogEntry) -> str:
        """What stands at the right of a model: the figure by which is sorted, else its published accuracy."""
        if self.order in self._conditions:
            timed = self.latencies[self._conditions[self.order]].get(entry.name)
            return _timed(timed) if timed is not None else "–"
        return _FIGURES[self.order or _UNSORTED](entry) or "–"

    def detail(self, entry: CatalogEntry) -> str:
        """The other figures of a model in one line."""
        beside = {key: words(entry) for key, words in _FIGURES.items() if key != (self.order or _UNSORTED)}
        if beside.get("accuracy"):
            beside["accuracy"] += " top-1"
        weights = "" if entry.pretrained else "no published weights"
        return " · ".join(part for part in (*beside.values(), f"{entry.input_size[1]} px", weights) if part)

    def said(self, entry: CatalogEntry) -> str:
        """All of it in words, for a screen reader."""
        figures = [f"top-1 {_accuracy(entry)}" if entry.top1 is not None else "no published accuracy"]
        figures += [f"{_params(entry)} parameters", _macs(entry), f"{entry.input_size[1]} px"]
        figures += [self.figure(entry)] if self.order in self._conditions else []
        figures += [] if entry.pretrained else ["no published weights"]
        figures += ["starred"] if entry.name in self.starred else []
        return ", ".join(part for part in (entry.name, *figures) if part)

    def known_latencies(self, name: str) -> list[DenseLatency]:
        """How long a model took, wherever that is known, the latest first."""
        plain = name.partition(".")[0]
        found = [known[plain] for known in self.latencies.values() if plain in known]
        return sorted(found, key=lambda each: each.created, reverse=True)


def latency_words(known: DenseLatency) -> str:
    """A latency with how and when it was measured."""
    return f"{_timed(known)}: {known.conditions.words}, {known.created[:10]}"


def _timed(known: DenseLatency) -> str:
    return formatting.nanoseconds(known.ns) + ("" if known.steady else " ⚠")


def _accuracy(entry: CatalogEntry) -> str:
    return formatting.percent(entry.top1) if entry.top1 is not None else ""


def _params(entry: CatalogEntry) -> str:
    return formatting.count(entry.params)


def _macs(entry: CatalogEntry) -> str:
    return formatting.macs(entry.macs) if entry.macs is not None else ""


_FIGURES = {"accuracy": _accuracy, "params": _params, "macs": _macs}
"""What each order sorts by, in words; empty where it is not known."""
