"""``pqv models``: searching in the catalogue from the command line."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from pqv_core import formatting
from pqv_core.errors import UsageError
from pqv_core.models import catalog
from pqv_core.models.orders import ORDERS


def show(text: str, *, family: str | None, sort: str | None, as_json: bool) -> None:
    """Print the models that fit, best matches first, or in the order that ``sort`` names.

    Raises:
        UsageError: There is no such family or order.
    """
    everything = catalog.load()
    found = everything.search(text, family=_family(everything, family))
    if sort is not None:
        if sort not in ORDERS:
            raise UsageError(f"Unknown order: {sort!r}.", action=f"Choose one of: {', '.join(ORDERS)}.")
        found = ORDERS[sort].sorted(found)
    if as_json:
        for entry in found:
            print(json.dumps(_plain(entry)))
        return
    if not found:
        print("No matching model.", "All names: pqv models.", file=sys.stderr)
        return
    heads = ["Name", "Family", "Top-1", "Parameters", "Operations", "Input", "Weights"]
    _print_columns(heads, [_cells(item) for item in found])
    print(f"Top-1: default weights on ImageNet-1k, as published ({everything.accuracy_source}).", file=sys.stderr)


def _family(everything: catalog.Catalog, asked: str | None) -> str | None:
    if asked is None:
        return None
    for family in everything.families():
        if family.casefold() == asked.casefold():
            return family
    raise UsageError(f"Unknown family: {asked!r}.", action=f"Choose one of: {', '.join(everything.families())}.")


def _plain(entry: catalog.CatalogEntry) -> dict[str, Any]:
    return {"type": "model", "pretrained": entry.pretrained, **asdict(entry)}


def _cells(entry: catalog.CatalogEntry) -> list[str]:
    top1 = formatting.percent(entry.top1) if entry.top1 is not None else "–"
    macs = formatting.macs(entry.macs) if entry.macs is not None else "–"
    size = "×".join(str(side) for side in entry.input_size[1:])
    published = "published" if entry.pretrained else "–"
    return [entry.name, entry.family, top1, formatting.count(entry.params), macs, size, published]


def _print_columns(heads: list[str], rows: list[list[str]]) -> None:
    """Aligned columns without frames: quick, and easy to cut apart in a shell."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
