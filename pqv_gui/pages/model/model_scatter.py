"""Published accuracy over compute, as a chart's data: what is listed, what is not, and which of it no other beats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pqv_core import formatting
from pqv_core.comparison import pareto
from pqv_core.comparison.charts import Point, ScatterChart
from pqv_core.models.catalog import CatalogEntry

FILTERED_OUT, LISTED, STARRED = "Not in the list", "In the list", "Starred"
_GIGA = 1e9


class ModelScatter:
    """The models whose accuracy and multiply-accumulates are both known, at one size of images.

    What does not depend on the list is worked out once: a person types letter by letter.
    """

    def __init__(self, entries: Iterable[CatalogEntry]) -> None:
        self._known = [each for entry in entries if (each := _known(entry)) is not None]

    def chart(self, *, listed: Sequence[CatalogEntry], starred: Collection[str]) -> ScatterChart:
        """All of them; those that are not listed come first, so that they are drawn below the others.

        Args:
            listed: Those among which the front is looked for.
            starred: Names.
        """
        names = {entry.name for entry in listed}
        inside = [each for each in self._known if each[0] in names]
        front = {inside[index][0] for index in pareto.front([(x, y) for _, x, y, _ in inside])}
        groups = {
            FILTERED_OUT: [each for each in self._known if each[0] not in names],
            LISTED: [each for each in inside if each[0] not in starred],
            STARRED: [each for each in inside if each[0] in starred],
        }
        points = tuple(
            Point(x, y, name, series, detail, name in front)
            for series, group in groups.items()
            for name, x, y, detail in group
        )
        return ScatterChart("models", "Accuracy vs. compute", "Compute", "GMAC", "Published top-1", "%", points)


def _known(entry: CatalogEntry) -> tuple[str, float, float, str] | None:
    """Name, billions of multiply-accumulates, percent and what else is said; None where one figure is missing."""
    top1, macs, size = entry.top1, entry.macs, entry.input_size[1]
    if top1 is None or macs is None or entry.weights[0].image_size != size:
        return None
    return entry.name, macs / _GIGA, 100 * top1, f"{formatting.count(entry.params)} · {size} px"
