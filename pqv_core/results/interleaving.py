"""The order in which files that are compared take their turns in one loop."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

BLOCK = 5  # inferences in a turn, before which a file has to settle

T = TypeVar("T")


def rounds(files: Sequence[T], *, iterations: int, block: int = BLOCK) -> Iterator[list[tuple[T, int]]]:
    """For each round of the loop: who is measured, one after the other, and how many inferences of each count.

    Each file makes ``iterations`` inferences, at most ``block`` a round. The order is drawn anew for each round, so
    nobody always follows the same neighbour.
    """
    drawing = random.Random(0)  # noqa: S311
    for begun in range(0, iterations, block):
        count = min(block, iterations - begun)
        yield [(file, count) for file in drawing.sample(files, len(files))]
