"""Text that a stranger's file, library or phone wrote: bounded and printable before a person sees it."""

from __future__ import annotations


def line(value: str, limit: int = 120) -> str:
    """One line of printable characters, at most ``limit`` of them."""
    return "".join(letter for letter in value[: limit * 4] if letter.isprintable()).strip()[:limit]


def lines(value: str, limit: int = 4000) -> str:
    """The same of several lines: nothing in it moves a terminal's cursor or changes its colours."""
    return "".join(letter for letter in value[: limit * 4] if letter.isprintable() or letter == "\n")[:limit]
