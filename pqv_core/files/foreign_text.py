"""Text that a stranger's file, library or phone wrote: bounded and printable before a person sees it."""

from __future__ import annotations

_CONTROL = dict.fromkeys(
    (
        *(code for code in range(32) if chr(code) not in "\n\t"),
        *range(127, 160),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
)


def without_control(value: str) -> str:
    """The text without what moves a terminal's cursor, changes its colours or turns the direction of writing."""
    return value.translate(_CONTROL)


def line(value: str, limit: int = 120) -> str:
    """One line of printable characters, at most ``limit`` of them."""
    return "".join(letter for letter in value[: limit * 4] if letter.isprintable()).strip()[:limit]


def lines(value: str, limit: int = 4000) -> str:
    """The same of several lines: nothing in it moves a terminal's cursor or changes its colours."""
    return "".join(letter for letter in value[: limit * 4] if letter.isprintable() or letter == "\n")[:limit]
