"""What stands in a file, for a terminal. Nothing in the file is run."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from pqv_core import formats
from pqv_core.cli.console import console
from pqv_core.files import inspection as file_look
from pqv_core.files.foreign_text import line
from pqv_core.formats import FileFacts, Format

_SHOWN = 80


def show_any(path: Path, *, as_json: bool) -> None:
    """Say what a file is, whatever its kind, and what can be done with it here.

    Raises:
        PqvError: It is empty, cut, damaged or missing.
    """
    if (info := formats.of(path)) is not None:
        return show(path, info, as_json=as_json)
    found = file_look.inspect(path)
    if as_json:
        facts = {name.lower(): value for name, value in found.rows}
        print(json.dumps({"type": "file", "path": str(path.resolve()), **facts, "advice": found.advice}))
        return None
    out = console()
    out.print(_facts(path, list(found.rows)))
    out.print(found.advice)
    return None


def show(path: Path, info: Format, *, as_json: bool) -> None:
    """Print a file's own description, its size by part, its operators, and which Android runtimes can run it.

    Raises:
        FileFormatError: It is damaged, or another kind of file.
        StorageError: It cannot be read.
    """
    facts = info.read(path)
    runs = info.on_devices(facts)
    if as_json:
        plain = {
            "type": "file",
            "path": str(path.resolve()),
            "format": info.key,
            **facts.model_dump(mode="json"),
            "android": {version: [problem for problem, _ in found] for version, found in runs.items()},
        }
        print(json.dumps(plain))
        return
    out = console()
    out.print(_facts(path, info.all_rows(facts)))
    out.print(_operators(facts))


def _facts(path: Path, rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, title=path.name, title_justify="left", title_style="bold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def _operators(facts: FileFacts) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), title_justify="left", title_style="bold")
    table.add_column("Operator")
    table.add_column("Arguments", justify="right")
    if facts.calls:
        table.add_column("Calls", justify="right")
    for name, count in sorted(facts.operators.items()):
        calls = [f"{facts.calls.get(name, 0):,}"] if facts.calls else []
        table.add_row(line(name, _SHOWN), str(count) if count >= 0 else "any", *calls)
    return table
