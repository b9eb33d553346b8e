"""The order in which files that are compared take their turns in one loop."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence, Set

BLOCK = 5  # inferences of a quick file in a turn


def rounds(keys: Sequence[str], *, quick: Set[str], iterations: int) -> Iterator[list[tuple[str, int]]]:
    """For each round of the loop: who is measured, one after the other, and how many inferences of each count.

    Each file makes ``iterations`` inferences, spread over the whole loop: one a round, and a quick file ``BLOCK`` of
    them every so many rounds, for it has to settle before it is measured. The order is drawn anew for each round, so
    nobody always follows the same neighbour.
    """
    drawing = random.Random(0)  # noqa: S311
    for number in range(iterations):
        due = [key for key in drawing.sample(keys, len(keys)) if key not in quick or number % BLOCK == 0]
        yield [(key, min(BLOCK, iterations - number) if key in quick else 1) for key in due]
