"""Which names a person may have meant by one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_ALIKE = 0.6


def closest(name: str, known: Iterable[str], *, count: int) -> list[str]:
    """Up to ``count`` of the ``known`` names (parts joined by ``_``), best first; those alike keep their order.

    A name is compared whole and with as many of its first parts as were typed, so that ``deit_tinny`` finds
    ``deit_tiny_patch16_224``; of names that begin equally well, those of few parts come first.
    """
    typed = name.casefold()
    parts = typed.count("_") + 1
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(typed)

    def likeness(text: str) -> float:
        matcher.set_seq1(text)
        return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0.0

    ranked = []
    for each in known:
        its_parts = each.split("_")
        best = max(likeness(each), likeness("_".join(its_parts[:parts])))
        if best >= _ALIKE:
            ranked.append((-best, len(its_parts), each))
    ranked.sort(key=lambda item: item[:2])
    return [each for *_, each in ranked[:count]]
