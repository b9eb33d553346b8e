"""What PQV-Mobile writes into a file, whatever its format, as it is read from anybody's: JSON, of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pqv_core import formatting
from pqv_core.files.fsio import parse_json
from pqv_core.formats.base import NO_ENGINE

MAX_BYTES = 1 << 20
_DEPTH = 50
_SHOWN = 80
_LABELS = {
    "model": "Model",
    "precision": "Precision",
    "group": "Inputs that share a scale",
    "engine": "Engine",
    "target": "Target",
    "runtime": "Android runtime",
    "passes": "Passes",
}


def parsed(content: bytes) -> dict[str, Any]:
    """The description that a file holds; empty where it is none, is too long, or is nested too deep."""
    if len(content) > MAX_BYTES:
        return {}
    try:
        value = parse_json(content.decode("utf-8"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) and _is_shallow(value) else {}


def _is_shallow(value: Any) -> bool:
    """Whether nothing is nested deeper than who prints or sends a description can follow."""
    level = [value]
    for _ in range(_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def rows(description: Mapping[str, Any], input_shape: tuple[int, ...] | None) -> list[tuple[str, str]]:
    """What a file says of itself, for a person; a foreign one says nothing.

    Args:
        input_shape: Of the image that it takes, as far as is known.
    """
    if not description:
        return [("Made by", "another program; no metadata")]
    rows = [
        (label, str(description[key])[:_SHOWN])
        for key, label in _LABELS.items()
        if description.get(key) not in (None, "") and (key, description[key]) != ("engine", NO_ENGINE)
    ]
    if input_shape:
        rows.append(("Input", " × ".join(map(str, input_shape))))
    classes = description.get("classes")
    if isinstance(classes, list):
        names = ", ".join(str(name)[:_SHOWN] for name in classes[:5])
        rows.append(("Classes", f"{len(classes):,}: {names}{' …' if len(classes) > 5 else ''}"))
    prune = description.get("prune")
    if isinstance(prune, dict) and isinstance(prune.get("ratio"), int | float):
        rows.append(
            ("Pruned", f"{formatting.percent(float(prune['ratio']))} by {str(prune.get('importance'))[:_SHOWN]}")
        )
    merged = description.get("merged")
    if isinstance(merged, list) and all(isinstance(count, int) for count in merged):
        rows.append(("Merged tokens", f"{sum(merged):,} in {len(merged)} blocks"))
    versions = description.get("versions")
    if isinstance(versions, dict):
        rows.append(("Made with", ", ".join(f"{str(k)[:30]} {str(v)[:30]}" for k, v in list(versions.items())[:8])))
    return rows
