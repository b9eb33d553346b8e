"""What a line with a bar tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BarRow:
    """One line.

    Attributes:
        words: Figures at its right.
        length: In any unit that all bars share.
        behind: Of a pale bar behind it, in the same unit; 0 for none.
    """

    name: str
    words: str
    length: float
    behind: float = 0.0
