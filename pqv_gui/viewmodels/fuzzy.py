"""Finding something by a few of its letters, in their order: ``npr`` finds “New project”."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_WORD_START, _NEXT, _GAP = 8, 5, 0.2  # worth of a letter that begins a word, or follows the last; of one skipped


@dataclass(frozen=True)
class Match:
    """How well a text fits, and by which of its letters.

    Attributes:
        score: The larger the better.
        places: Where the letters are that were asked for, in ascending order.
    """

    score: float
    places: tuple[int, ...]


def match(query: str, text: str) -> Match | None:
    """How a text fits a query; None where one of the query's words is not to be found in it, letter after letter."""
    folded = [letter.casefold()[:1] for letter in text]  # one for one, so that places are those in the text
    score, places = 0.0, set[int]()
    for word in query.casefold().split():
        best = max(_ways(word, folded), key=lambda found: found.score, default=None)
        if best is None:
            return None
        score += best.score
        places.update(best.places)
    return Match(score, tuple(sorted(places)))


def _ways(word: str, text: list[str]) -> Iterator[Match]:
    """From each place where the word may begin, the letters one after the other, each as near as it comes."""
    for begin, letter in enumerate(text):
        if letter != word[0]:
            continue
        places = [begin]
        for wanted in word[1:]:
            place = next((at for at in range(places[-1] + 1, len(text)) if text[at] == wanted), None)
            if place is None:
                return  # from a later beginning there is no more to come
            places.append(place)
        yield Match(_score(places, text), tuple(places))


def _score(places: list[int], text: list[str]) -> float:
    score, before = 0.0, None
    for place in places:
        begins = place == 0 or not text[place - 1].isalnum()
        score += _WORD_START if begins else _NEXT if before == place - 1 else 1
        score -= _GAP * (place - before - 1) if before is not None else 0
        before = place
    return score - places[0] * _GAP / 2


def ranked(query: str, items: Iterable[T], text: Callable[[T], str]) -> list[tuple[T, Match]]:
    """What fits, the best first; what fits alike stays in its order, and of alike ones the shorter is better."""
    found = [(item, fit) for item in items if (fit := match(query, text(item))) is not None]
    if query.strip():
        found.sort(key=lambda pair: (-pair[1].score, len(text(pair[0]))))
    return found
