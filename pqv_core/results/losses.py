"""What was lost between two models of a run: class by class, which classes are confused, and on which images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from pqv_core import formatting
from pqv_core.errors import UsageError
from pqv_core.results.answers import NONE, Judged, RunAnswers

Kind = Literal["lost", "won", "other"]
KINDS: dict[Kind, str] = {"lost": "Lost", "won": "Won", "other": "Wrong in another way"}
"""Right before and not after; not before but after; never right, and not the same."""

Confusion = Mapping[tuple[int, int], int]
"""By (class, answer), a number of images."""


@dataclass(frozen=True)
class ClassLoss:
    """The images of one class: how many there are, were right before, are right after, and changed either way."""

    label: int
    name: str
    images: int
    before: int
    after: int
    lost: int
    won: int

    @property
    def change(self) -> int:
        """By how many more images are right."""
        return self.after - self.before


@dataclass(frozen=True)
class ChangedImage:
    """An image whose answer changed: its index and path, its class, and the outputs before and after."""

    index: int
    image: str
    label: int
    before: int
    after: int

    @property
    def kind(self) -> Kind:
        """What that means."""
        if self.before == self.label:
            return "lost"
        return "won" if self.after == self.label else "other"


@dataclass(frozen=True)
class Pair:
    """Images of one class that were answered as one output: how many before, and after."""

    label: int
    answer: int
    before: int
    after: int


@dataclass(frozen=True)
class Losses:
    """What changed from one model or file of a run to another, over the images that both have answered.

    Attributes:
        images: How many those are.
        classes: The one that lost most images first; classes without images are left out.
        changed: In the order of the images.
    """

    run: RunAnswers
    before: Judged
    after: Judged
    images: int
    classes: tuple[ClassLoss, ...]
    confusion_before: Confusion
    confusion_after: Confusion
    changed: tuple[ChangedImage, ...]

    def count(self, kind: Kind) -> int:
        """How many images changed in this way."""
        return sum(each.kind == kind for each in self.changed)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every class and answer that occur together, in their order."""
        before, after = self.confusion_before, self.confusion_after
        return [Pair(*key, before.get(key, 0), after.get(key, 0)) for key in sorted({*before, *after})]

    @cached_property
    def new_confusions(self) -> list[Pair]:
        """Classes that are taken for another one more often than before, the most grown first."""
        grown = [pair for pair in self.pairs if pair.label != pair.answer and pair.after > pair.before]
        return sorted(grown, key=lambda pair: pair.before - pair.after)

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        if not self.images:
            return "No image was answered by both."
        right = [sum(getattr(each, when) for each in self.classes) / self.images for when in ("before", "after")]
        return (
            f"Of {formatting.counted(self.images, 'image')} {formatting.percent(right[0])} were right before and "
            f"{formatting.percent(right[1])} after: {self.count('lost'):,} lost, {self.count('won'):,} won, "
            f"{self.count('other'):,} wrong in another way."
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data; confusions are [class, answer, images], indices into ``names``."""
        outputs = [key[1] for confusion in (self.confusion_before, self.confusion_after) for key in confusion]
        count = max([len(self.run.classes), *(output + 1 for output in outputs)])
        return {
            "before": self.before.key,
            "after": self.after.key,
            "images": self.images,
            "names": [self.run.name(output) for output in range(count)],
            "classes": [asdict(each) for each in self.classes],
            "confusion_before": [[*key, number] for key, number in sorted(self.confusion_before.items())],
            "confusion_after": [[*key, number] for key, number in sorted(self.confusion_after.items())],
            "changed": [{**asdict(each), "kind": each.kind} for each in self.changed],
        }


def between(run: RunAnswers, before: str = "", after: str = "") -> Losses:
    """Compare two models or files of a run.

    Args:
        before: Key of the one; by default the uncut model.
        after: Key of the other; by default the first result, or what comes nearest to it.

    Raises:
        UsageError: The run has no answers of one of them, or they are the same.
    """
    known = {each.key: each for each in run.judged}
    one, other = before or run.judged[0].key, after or _first_result(run)
    for key in (one, other):
        if key not in known:
            raise UsageError(f"There are no answers of {key!r}.", action=f"Name one of: {', '.join(known)}.")
    if one == other:
        raise UsageError(f"Both are {one!r}.", action=f"Name another one of: {', '.join(known)}.")
    return _compared(run, known[one], known[other])


def _first_result(run: RunAnswers) -> str:
    return next((each.key for each in run.judged if each.is_file), run.judged[-1].key)


def _compared(run: RunAnswers, before: Judged, after: Judged) -> Losses:
    rows = [row for row in zip(run.labels, before.answers, after.answers, strict=True) if NONE not in row[1:]]
    confusion_before = Counter((label, one) for label, one, _ in rows)
    confusion_after = Counter((label, other) for label, _, other in rows)
    changed = tuple(
        ChangedImage(index, run.images[index], label, one, other)
        for index, (label, one, other) in enumerate(zip(run.labels, before.answers, after.answers, strict=True))
        if one != other and NONE not in (one, other)
    )
    counts = Counter(label for label, _, _ in rows)
    moved = Counter((each.label, each.kind) for each in changed)
    classes = (
        ClassLoss(
            label,
            run.classes[label],
            images=images,
            before=confusion_before[label, label],
            after=confusion_after[label, label],
            lost=moved[label, "lost"],
            won=moved[label, "won"],
        )
        for label, images in counts.items()
    )
    ordered = tuple(sorted(classes, key=lambda each: (each.change, -each.lost, each.label)))
    return Losses(run, before, after, len(rows), ordered, confusion_before, confusion_after, changed)
