"""What stands above a column of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """A column's head.

    Attributes:
        figure: Whether the column holds figures, which stand at its right.
    """

    words: str
    tip: str = ""
    figure: bool = False
