"""``pqv plugins``: what other packages bring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pqv_core.criteria import CRITERIA
from pqv_core.registry import Registry
from pqv_core.schemes import SCHEMES

REGISTRIES: tuple[Registry[Any], ...] = (CRITERIA, SCHEMES)


def show(*, as_json: bool) -> None:
    """Print what was found, and what could not be used and why."""
    found = list(_found())
    if as_json:
        for row in found:
            print(json.dumps({"type": "plugin", **row}))
        return
    for row in found:
        state = f"cannot be used: {row['reason']}" if row["reason"] else row["label"]
        print(f"{row['package']}: {row['kind']} {row['key']}: {state}.")
    if not found:
        print("No plug-ins are installed.")


def problems() -> list[str]:
    """A sentence for each plug-in that is installed and cannot be used."""
    return [
        f"The plug-in {row['key']} of {row['package']} ({row['kind']}) is ignored: {row['reason']}."
        for row in _found()
        if row["reason"]
    ]


def _found() -> Iterator[dict[str, str]]:
    for registry in REGISTRIES:
        for key, package in registry.foreign.items():
            label = registry[key].label
            yield {"kind": registry.noun, "key": key, "package": package, "label": label, "reason": ""}
        for item in registry.broken:
            facts = {"kind": registry.noun, "key": item.name, "package": item.package}
            yield {**facts, "label": "", "reason": item.reason}
