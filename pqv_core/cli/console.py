"""Where people read what a command found."""

from __future__ import annotations

from rich.console import Console

_FILE_WIDTH = 200


def console(*, as_json: bool = False) -> Console:
    """Standard output, unless JSON has it. Nothing is markup, and lines that go to a file are not broken."""
    made = Console(stderr=as_json, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _FILE_WIDTH
    return made
