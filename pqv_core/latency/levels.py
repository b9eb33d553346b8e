"""At which widths the parts of a model are measured."""

from __future__ import annotations

from collections.abc import Iterable

from pqv_core.latency.table import LatencyTable

_EIGHTHS = (8, 6, 4, 2, 1)  # first; more follow where it matters (``bends``)
_OF_EMBEDDINGS = (6, 4)  # each costs more than half as many files as the whole one
_MULTIPLE = 8  # kernels compute in blocks of this many channels, or of a multiple
_LITTLE = 0.02  # of the model: nothing between few widths of such a curve can matter that ``bends`` does not find
_BEND = 0.01
_MOST = 16


def levels(units: int, *, whole: bool) -> list[int]:
    """Widths at which a part is measured, the widest, which is all of it, first.

    Args:
        units: How many it has where nothing is cut.
        whole: They are heads, of which every number is possible.
    """
    return [units, *_below(units, _EIGHTHS[1:], whole=whole)]


def of_share(units: int, *, whole: bool, share: float) -> list[int]:
    """The same; few where there is little that could be saved.

    Args:
        share: Of the model's multiply-accumulates, what all parts make that cost the same as this one.
    """
    found = levels(units, whole=whole)
    return found if share >= _LITTLE else few(found)


def few(widths: list[int]) -> list[int]:
    """Of the widths at which a part would be measured: every other one, and both ends.

    So many serve for what matters little, and with a narrower embedding, of which the curves bend at the same widths.
    """
    return [*widths[:-1:2], widths[-1]]


def embeddings(units: int) -> list[int]:
    """Narrower embeddings with which parts are measured, the widest first.

    Args:
        units: Channels that it has where nothing is cut.
    """
    return _below(units, _OF_EMBEDDINGS, whole=False)


def _below(units: int, eighths: Iterable[int], *, whole: bool) -> list[int]:
    multiple = _multiple(units, whole=whole)
    steps = {max(multiple, round(units * each / 8 / multiple) * multiple) for each in eighths}
    return sorted((step for step in steps if step < units), reverse=True)


def bends(table: LatencyTable) -> dict[str, list[int]]:
    """Widths at which more should be measured: beside those where a curve is far from the line of its neighbours.

    There a kernel changes, or a cache no longer holds something. What counts is how much of the uncut model's latency
    all parts of the curve together would be off by, if the line were believed.

    Returns:
        By the name of a part that stands for its curve; empty where all curves are straight enough.
    """
    found: list[tuple[float, str, int]] = []
    for place, curve in enumerate(table.curves):
        alike = [part for part in table.parts if part.curve == place]
        part = alike[0]
        widths = [point.units for point in curve]
        multiple = 1 if part.unit == "heads" else _multiple(part.units, whole=False)
        for before, here, after in zip(widths, widths[1:], widths[2:], strict=False):
            share = (here - before) / (after - before)
            line = table.cost(part, before) * (1 - share) + table.cost(part, after) * share
            off = abs(table.cost(part, here) - line) * len(alike)
            if off > _BEND:
                found += [(off, part.name, _between(*pair, multiple)) for pair in ((before, here), (here, after))]
    wanted: dict[str, list[int]] = {}
    for _, name, units in sorted(found, reverse=True):
        if units and units not in wanted.get(name, ()) and sum(map(len, wanted.values())) < _MOST:
            wanted.setdefault(name, []).append(units)
    return {name: sorted(widths) for name, widths in wanted.items()}


def _between(low: int, high: int, multiple: int) -> int:
    """A possible width near the middle of two; 0 where there is none."""
    middle = round((low + high) / 2 / multiple) * multiple
    return middle if low < middle < high else 0


def _multiple(units: int, *, whole: bool) -> int:
    return 1 if whole or units <= _MULTIPLE else _MULTIPLE
