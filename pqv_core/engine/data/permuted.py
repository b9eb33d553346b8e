"""Whether a model's outputs stand for other classes than they are taken for: its classes look permuted.

A head that was fitted with the class folders in another order is right about most images, but calls each class by the
name of another. What it answers then shows which order fits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from pqv_core import formatting
from pqv_core.data import class_order, images

Answers = Mapping[tuple[int, int], int]
"""By (class, output that was the highest), a number of images."""

_FEWEST = 6
"""Of fewer images nothing is concluded."""

_CLEAR = 0.8
"""Share that must be right for an order that nobody has named."""

_WORDS = {class_order.TEXT: "as text", class_order.NATURAL: "in natural order"}


def remark(answers: Answers, names: Sequence[str]) -> str:
    """What to say about the order of classes; empty where the answers do not look permuted.

    Args:
        names: The class that each output is taken for.
    """
    if sum(answers.values()) < _FEWEST:
        return ""
    for word, key in class_order.KEYS.items():
        other = sorted(names, key=key)
        if other != list(names) and _fits(answers, names, other):
            return _known(answers, names, other, word)
    return _unknown(answers, names)


def _known(answers: Answers, names: Sequence[str], other: Sequence[str], word: str) -> str:
    given, then = (_right(answers, names, order) for order in (names, other))
    return (
        f"The weights seem to use a different class order from these images: {formatting.percent(given)} are "
        f"correct, and with the classes {_WORDS[word]} {formatting.percent(then)} would be correct. "
        f"Set data.class_order={word}."
    )


def _right(answers: Answers, names: Sequence[str], order: Sequence[str]) -> float:
    """Share of images that are right when output ``i`` stands for ``order[i]``."""
    right = sum(count for (label, output), count in answers.items() if order[output] == names[label])
    return right / sum(answers.values())


def _fits(answers: Answers, names: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the other order is clearly the better one, by the classes whose place it changes.

    Each class counts once, however many images it has, since a model that knows nothing often gives one answer to all
    images of a class. Four standard deviations above chance, or nine in ten where there are few classes, is clear.
    """
    moved = {label for label, _ in answers if names[label] != other[label]}
    if not moved:
        return False
    chance = 1 / len(names)
    needed = chance + 4 * math.sqrt(chance * (1 - chance) / len(moved))
    needed = min(0.9, max(0.2, needed, 2 / len(moved)))
    place = {name: output for output, name in enumerate(other)}
    then = _recall(answers, moved, lambda label: place[names[label]])
    return then >= needed and then >= 2 * _recall(answers, moved, lambda label: label)


def _recall(answers: Answers, labels: set[int], output: Callable[[int], int]) -> float:
    """Mean over ``labels`` of the share of a class's images that are answered with its ``output``."""
    totals = _totals(answers)
    return sum(answers.get((label, output(label)), 0) / totals[label] for label in labels) / len(labels)


def _totals(answers: Answers) -> Counter[int]:
    totals: Counter[int] = Counter()
    for (label, _), count in answers.items():
        totals[label] += count
    return totals


def _unknown(answers: Answers, names: Sequence[str]) -> str:
    """Classes that are called by each other's names, in no order that is known."""
    assigned = _assigned(answers)
    moved = {label for label, output in assigned.items() if label != output}
    if len(moved) < 2 or max(moved | set(assigned.values())) >= len(names):
        return ""
    then = _recall(answers, moved, assigned.__getitem__)
    given = _recall(answers, moved, lambda label: label)
    looked_at = sum(count for (label, _), count in answers.items() if label in moved)
    if looked_at < _FEWEST or then < _CLEAR or given > then / 4:
        return ""
    some = [f"{images.shown(names[label])} as {images.shown(names[assigned[label]])}" for label in sorted(moved)[:3]]
    return (
        f"The classes look permuted: {len(moved):,} of them are nearly always mistaken for one other class "
        f"({', '.join(some)}{', …' if len(moved) > 3 else ''}). The weights may have been trained with another "
        "class order: list the classes in that order in a file, one name per line, and set data.class_order to it."
    )


def _assigned(answers: Answers) -> dict[int, int]:
    """To each class an output, each once, the clearest first; a class's own output comes first among equals."""
    totals = _totals(answers)
    ranked = sorted(answers, key=lambda pair: (-answers[pair] / totals[pair[0]], pair[0] != pair[1], pair))
    found: dict[int, int] = {}
    taken: set[int] = set()
    for label, output in ranked:
        if label not in found and output not in taken:
            found[label] = output
            taken.add(output)
    return found
