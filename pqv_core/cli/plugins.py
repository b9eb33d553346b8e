"""``pqv plugins``: what other packages bring."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pqv_core import plugins
from pqv_core.registry import Registry


def show(registries: Sequence[Registry[Any]] = plugins.REGISTRIES, *, as_json: bool) -> None:
    """Print what was found, and what could not be used and why."""
    found = list(plugins.found(registries))
    if as_json:
        for row in found:
            print(json.dumps({"type": "plugin", **row}))
        return
    for row in found:
        state = f"cannot be used: {row['reason']}" if row["reason"] else row["label"]
        print(f"{row['package']}: {row['kind']} {row['key']}: {state}.")
    if not found:
        print("No plug-ins are installed.")
