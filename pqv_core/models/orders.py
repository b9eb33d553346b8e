"""In which orders models are listed, beside that of the search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pqv_core.models.catalog import CatalogEntry

Figure = Callable[[CatalogEntry], float | None]


@dataclass(frozen=True)
class Order:
    """Models by one of their figures, the best first; of equals, and of those without it, the order stays.

    Attributes:
        label: What the figure is called.
        figure: It, or None where it is not known.
        most_first: More of it is better.
    """

    label: str
    figure: Figure
    most_first: bool = False

    def sorted(self, entries: Iterable[CatalogEntry]) -> list[CatalogEntry]:
        """The models in this order; those without the figure come last."""
        pairs = [(entry, self.figure(entry)) for entry in entries]
        known = [(entry, value) for entry, value in pairs if value is not None]
        known.sort(key=lambda pair: pair[1], reverse=self.most_first)
        return [entry for entry, _ in known] + [entry for entry, value in pairs if value is None]


ORDERS = {
    "accuracy": Order("Published top-1", lambda entry: entry.top1, most_first=True),
    "params": Order("Parameters", lambda entry: entry.params),
    "macs": Order("Compute", lambda entry: entry.macs),
}
