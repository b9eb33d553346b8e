"""Where people read what a command found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from pqv_core.files.foreign_text import without_control

_FILE_WIDTH = 200


def console(*, as_json: bool = False) -> Console:
    """Standard output, unless JSON has it. Nothing is markup, and lines that go to a file are not broken."""
    made = _Plain(stderr=as_json, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _FILE_WIDTH
    return made


def say_problems(problems: Iterable[str]) -> None:
    """Say on standard error what could not be read of a project's runs."""
    for problem in problems:
        _Plain(stderr=True, highlight=False, markup=False, emoji=False).print(problem, style="yellow")


class _Plain(Console):
    """Writes text of strangers' projects and runs without what it would do to the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(without_control(text), **options)
