"""What a person is told about a PyTorch Lite file, on the terminal and in the window. Nothing in the file is run."""

from __future__ import annotations

from typing import Any

from pqv_core import formatting
from pqv_core.files.foreign_text import line
from pqv_core.formats.ptl.ptl_file import LiteFile

SHOWN = 80
_LETTERS = 1000
_DESCRIBED = {
    "model": "Model",
    "precision": "Precision",
    "engine": "Engine",
    "target": "Target",
    "runtime": "Android runtime",
    "passes": "Passes",
}


def rows(file: LiteFile) -> list[tuple[str, str]]:
    """Name and value of each fact: what the file says of itself, and its size by part."""
    return [(line(name), line(value, _LETTERS)) for name, value in (*_described(file), *_form(file), *_sizes(file))]


def _form(file: LiteFile) -> list[tuple[str, str]]:
    """What it takes and gives, as its code says."""
    if file.signature is None:
        return []
    problem = file.signature.problem
    return [("Input and output", str(file.signature)), *([("Cannot be measured", f"It {problem}.")] if problem else [])]


def _described(file: LiteFile) -> list[tuple[str, str]]:
    """What the file says of itself; a foreign one says nothing."""
    description: dict[str, Any] = file.description
    if not description:
        return [("Made by", "another program; no metadata")]
    rows = [
        (label, str(description[key])[:SHOWN])
        for key, label in _DESCRIBED.items()
        if description.get(key) not in (None, "")
    ]
    if file.input_shape:
        rows.append(("Input", " × ".join(map(str, file.input_shape))))
    classes = description.get("classes")
    if isinstance(classes, list):
        names = ", ".join(str(name)[:SHOWN] for name in classes[:5])
        rows.append(("Classes", f"{len(classes):,}: {names}{' …' if len(classes) > 5 else ''}"))
    prune = description.get("prune")
    if isinstance(prune, dict) and isinstance(prune.get("ratio"), int | float):
        rows.append(
            ("Pruned", f"{formatting.percent(float(prune['ratio']))} by {str(prune.get('importance'))[:SHOWN]}")
        )
    versions = description.get("versions")
    if isinstance(versions, dict):
        rows.append(("Made with", ", ".join(f"{str(k)[:30]} {str(v)[:30]}" for k, v in list(versions.items())[:8])))
    return rows


def _sizes(file: LiteFile) -> list[tuple[str, str]]:
    rest = max(0, file.size_bytes - file.weights_bytes)
    rows = [
        ("Size", formatting.size(file.size_bytes)),
        ("… weights", f"{formatting.size(file.weights_bytes)} in {file.storages:,} tensors"),
        ("… code and names", formatting.size(rest)),
        ("Largest tensors", ", ".join(formatting.size(size) for size in file.largest[:5])),
    ]
    if file.duplicate_bytes:
        rows.append(("Stored twice", formatting.size(file.duplicate_bytes)))
    return [*rows, ("Bytecode", str(file.bytecode))]
