"""What the card “What was lost” shows of a run: classes, confusions and images, and which of them one wants to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pqv_core import formatting
from pqv_core.comparison import confusion
from pqv_core.comparison.charts import MatrixChart
from pqv_core.comparison.confusion import Shown
from pqv_core.config.data import Scale
from pqv_core.errors import ErrorInfo
from pqv_core.results.losses import KINDS, ChangedImage, ClassLoss, Kind, Losses
from pqv_gui.viewmodels.observable import Observable

State = Literal["none", "filling", "full", "failed"]


@dataclass(frozen=True)
class Column:
    """A column of the table of classes."""

    key: str
    head: str
    tip: str
    find: Callable[[ClassLoss], Any]
    text: Callable[[ClassLoss], str]


def _number(key: str, head: str, tip: str) -> Column:
    return Column(key, head, tip, lambda each: getattr(each, key), lambda each: f"{getattr(each, key):,}")


def _share(key: str, head: str, tip: str) -> Column:
    def share(each: ClassLoss) -> float:
        right: int = getattr(each, key)
        return right / each.images

    return Column(key, head, tip, share, lambda each: formatting.percent(share(each)))


def _signed(number: int) -> str:
    return f"{number:+,}".replace("-", "−") if number else "0"


COLUMNS = (
    Column("class", "Class", "", lambda each: each.name.lower(), lambda each: each.name),
    _number("images", "Images", "Answered by both"),
    _share("before", "Before", "Share that was right"),
    _share("after", "After", "Share that is right"),
    Column(
        "change",
        "Change",
        "How many more images are right than before",
        lambda each: each.change,
        lambda each: _signed(each.change),
    ),
    _number("lost", "Lost", "Right before and wrong after"),
    _number("won", "Won", "Wrong before and right after"),
)


@dataclass(frozen=True)
class LostInRun:
    """What was read of a run.

    Attributes:
        folder: Of its images; None where the settings do not tell.
        there: Whether that folder is there.
        matrices: The confusion matrix before, after, and as the change.
    """

    found: Losses
    folder: Path | None
    there: bool
    scale: Scale
    matrices: dict[Shown, MatrixChart]


class LostView(Observable):
    """What was lost in the chosen run.

    Attributes:
        before, after: Keys of what is compared; empty for the uncut model and the first result.
        label: The class whose images are shown; None for all.
        kind: How the answers changed of the images that are shown; empty for any way.
        matrix: Which of the matrices is shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state: State = "none"
        self.error: ErrorInfo | None = None
        self.read: LostInRun | None = None
        self.before = self.after = ""
        self.sort, self.descending = "change", False
        self.matrix: Shown = "after"
        self._forget_choice()

    def _forget_choice(self) -> None:
        self.label: int | None = None
        self.kind: Kind | Literal[""] = ""
        self._lines: list[ClassLoss] | None = None
        self._images: list[ChangedImage] | None = None

    # what comes in -------------------------------------------------------------------------------------------

    def filling(self, *, other: bool) -> None:
        """The answers of a run are being read; those of the same run stay until then, those of an ``other`` do not."""
        self.state, self.error = "filling", None
        if other:
            self.read = None
        self.notify()

    def take(self, read: LostInRun | None) -> None:
        """What was read; None where the run has no answers to compare."""
        self.state, self.read = ("full" if read is not None else "none"), read
        self._forget_choice()
        self.notify()

    def failed(self, error: ErrorInfo) -> None:
        """The answers could not be read."""
        self.state, self.error, self.read = "failed", error, None
        self.notify()

    # what a person does --------------------------------------------------------------------------------------

    def sort_by(self, key: str) -> None:
        """Sort the classes by a column; by the same once more the other way."""
        self.descending = not self.descending if key == self.sort else key in ("lost", "won", "images")
        self.sort, self._lines = key, None
        self.notify()

    def choose_class(self, label: int | None) -> None:
        """Show the images of one class, or of all."""
        if label != self.label:
            self.label, self._images = label, None
            self.notify()

    def choose_kind(self, kind: Kind | Literal[""]) -> None:
        """Show only images whose answer changed in this way."""
        if kind != self.kind:
            self.kind, self._images = kind, None
            self.notify()

    def choose_matrix(self, shown: Shown) -> None:
        """Show another confusion matrix."""
        self.matrix = shown
        self.notify()

    # what is shown -------------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[ClassLoss]:
        """The classes, as they are sorted."""
        if self._lines is None:
            column = next(column for column in COLUMNS if column.key == self.sort)
            classes = self.read.found.classes if self.read is not None else ()
            self._lines = sorted(classes, key=column.find, reverse=self.descending)
        return self._lines

    @property
    def images(self) -> list[ChangedImage]:
        """The images of the chosen class that changed in the chosen way: those that were lost first."""
        if self._images is None:
            order = list(KINDS)
            self._images = sorted(
                (
                    each
                    for each in (self.read.found.changed if self.read is not None else ())
                    if self.label in (None, each.label) and self.kind in ("", each.kind)
                ),
                key=lambda each: order.index(each.kind),
            )
        return self._images

    @property
    def chart(self) -> MatrixChart | None:
        """The confusion matrix that is chosen."""
        return self.read.matrices[self.matrix] if self.read is not None else None

    @property
    def counts(self) -> dict[Kind, int]:
        """How many images changed in each way, of the chosen class."""
        changed = self.read.found.changed if self.read is not None else ()
        kinds = [each.kind for each in changed if self.label in (None, each.label)]
        return {kind: kinds.count(kind) for kind in KINDS}

    @property
    def class_name(self) -> str:
        """Of the chosen class; empty for all."""
        return self.read.found.run.name(self.label) if self.read is not None and self.label is not None else ""

    def name(self, output: int) -> str:
        """The class that an output stands for."""
        return self.read.found.run.name(output) if self.read is not None else ""

    def path(self, image: ChangedImage) -> Path | None:
        """Where an image lies."""
        if self.read is None or self.read.folder is None or not self.read.there:
            return None
        return self.read.folder / image.image

    def as_csv(self) -> str:
        """All confusions, for a file."""
        return confusion.table(self.read.found) if self.read is not None else ""
