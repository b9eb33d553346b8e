"""What other packages bring, of all kinds that have a registry; rooms above this one add theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pqv_core.criteria import CRITERIA
from pqv_core.formats import FORMATS
from pqv_core.models.sources import SOURCES
from pqv_core.registry import Registry
from pqv_core.schemes import SCHEMES

REGISTRIES: tuple[Registry[Any], ...] = (CRITERIA, SCHEMES, FORMATS, SOURCES)


def problems(registries: Sequence[Registry[Any]] = REGISTRIES) -> list[str]:
    """A sentence for each plug-in that is installed and cannot be used."""
    return [
        f"The plug-in {row['key']} of {row['package']} ({row['kind']}) is ignored: {row['reason']}."
        for row in found(registries)
        if row["reason"]
    ]


def found(registries: Sequence[Registry[Any]] = REGISTRIES) -> Iterator[dict[str, str]]:
    """What was found: ``kind``, ``key``, ``package``, and its ``label``, or the ``reason`` why it cannot be used."""
    for registry in registries:
        for key, package in registry.foreign.items():
            label = registry[key].label
            yield {"kind": registry.noun, "key": key, "package": package, "label": label, "reason": ""}
        for item in registry.broken:
            facts = {"kind": registry.noun, "key": item.name, "package": item.package}
            yield {**facts, "label": "", "reason": item.reason}
