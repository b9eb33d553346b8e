"""``pqv models``: searching in the catalogue from the command line."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from pqv_core import formatting
from pqv_core.errors import UsageError
from pqv_core.models import catalog


def show(text: str, *, family: str | None, as_json: bool) -> None:
    """Print the models that fit, best matches first.

    Raises:
        UsageError: There is no such family.
    """
    everything = catalog.load()
    found = everything.search(text, family=_family(everything, family))
    if as_json:
        for entry in found:
            print(json.dumps(_plain(entry)))
        return
    if not found:
        print("No matching model.", "All names: pqv models.", file=sys.stderr)
        return
    _print_columns(["Name", "Family", "Parameters", "Operations", "Input", "Weights"], [_cells(item) for item in found])


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
    macs = formatting.macs(entry.macs) if entry.macs is not None else "–"
    size = "×".join(str(side) for side in entry.input_size[1:])
    published = "published" if entry.pretrained else "–"
    return [entry.name, entry.family, formatting.count(entry.params), macs, size, published]


def _print_columns(heads: list[str], rows: list[list[str]]) -> None:
    """Aligned columns without frames: quick, and easy to cut apart in a shell."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
