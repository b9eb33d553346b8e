"""What stands in a PyTorch Lite file, for a terminal. Nothing in the file is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from pqv_core import android_runtime, formatting, ptl
from pqv_core.cli_console import console
from pqv_core.ptl import LiteFile

_SHOWN = 80
_TOLD = {
    "model": "Model",
    "precision": "Precision",
    "engine": "Engine",
    "target": "Target",
    "runtime": "Android runtime",
    "passes": "Passes",
}


def show(path: Path, *, as_json: bool) -> None:
    """Print a file's own description, its size by part, its operators, and which Android runtimes can run it.

    Raises:
        PtlError: It is damaged, or another kind of file.
        StorageError: It cannot be read.
    """
    file = ptl.read(path)
    runs = {
        version: list(android_runtime.problems(file, android_runtime.load(version)))
        for version in android_runtime.versions()
    }
    if as_json:
        plain = {
            "type": "file",
            "path": str(path.resolve()),
            **file.model_dump(mode="json"),
            "android": {version: [problem for problem, _ in found] for version, found in runs.items()},
        }
        print(json.dumps(plain))
        return
    out = console()
    out.print(_facts(path, file, runs))
    out.print(_operators(file))


def _facts(path: Path, file: LiteFile, runs: dict[str, list[android_runtime.Problem]]) -> Table:
    table = Table(box=None, show_header=False, title=path.name, title_justify="left", title_style="bold")
    for name, value in [*_said(file), *_sizes(file)]:
        table.add_row(name, value)
    for version, found in runs.items():
        table.add_row(f"Android {version}", " ".join(problem for problem, _ in found) or "can run it")
    return table


def _said(file: LiteFile) -> list[tuple[str, str]]:
    """What the file says of itself; a foreign one says nothing."""
    said: dict[str, Any] = file.description
    if not said:
        return [("Made by", "another program: it does not describe itself")]
    rows = [(label, str(said[key])[:_SHOWN]) for key, label in _TOLD.items() if said.get(key) not in (None, "")]
    if file.input_shape:
        rows.append(("Input", " × ".join(map(str, file.input_shape))))
    classes = said.get("classes")
    if isinstance(classes, list):
        names = ", ".join(str(name)[:_SHOWN] for name in classes[:5])
        rows.append(("Classes", f"{len(classes):,}: {names}{' …' if len(classes) > 5 else ''}"))
    prune = said.get("prune")
    if isinstance(prune, dict) and isinstance(prune.get("ratio"), int | float):
        rows.append(
            ("Pruned", f"{formatting.percent(float(prune['ratio']))} by {str(prune.get('importance'))[:_SHOWN]}")
        )
    versions = said.get("versions")
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


def _operators(file: LiteFile) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), title_justify="left", title_style="bold")
    table.add_column("Operator")
    table.add_column("Arguments", justify="right")
    for name, count in sorted(file.operators.items()):
        table.add_row(name[:_SHOWN], str(count) if count >= 0 else "any")
    return table
