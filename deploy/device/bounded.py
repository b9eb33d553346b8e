"""Reading what a phone prints: nothing of it is believed before it is bounded."""

from __future__ import annotations

import re

from pqv_core.files.foreign_text import line as text
from pqv_core.files.foreign_text import lines

__all__ = ["field", "lines", "rows", "text", "whole"]

_NUMBER = re.compile(r"-?\d{1,18}")


def rows(value: str, limit: int) -> str:
    """The first lines of ``value``, each of them whole, as many as there are in ``limit`` characters."""
    return value if len(value) <= limit else value[:limit].rpartition("\n")[0]


def whole(value: str, *, low: int = 0, high: int = 10**15) -> int | None:
    """The first whole number in ``value``; None when there is none between ``low`` and ``high``."""
    found = _NUMBER.search(value[:1000])
    number = int(found[0]) if found else None
    return number if number is not None and low <= number <= high else None


def field(lines: str, name: str) -> str:
    """The rest of the first line that begins with ``name`` and a colon; empty when there is none."""
    found = re.search(rf"^[ \t]*{re.escape(name)}:[ \t]*([^\n]{{0,400}})", lines, re.MULTILINE)
    return found[1] if found else ""
