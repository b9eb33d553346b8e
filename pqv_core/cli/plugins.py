"""``pqv plugins``: what other packages bring."""

from __future__ import annotations

import json

from pqv_core import plugins


def show(*, as_json: bool) -> None:
    """Print what was found, and what could not be used and why."""
    found = list(plugins.found())
    if as_json:
        for row in found:
            print(json.dumps({"type": "plugin", **row}))
        return
    for row in found:
        state = f"cannot be used: {row['reason']}" if row["reason"] else row["label"]
        print(f"{row['package']}: {row['kind']} {row['key']}: {state}.")
    if not found:
        print("No plug-ins are installed.")
