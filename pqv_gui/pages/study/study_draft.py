"""A study that a person is about to make: what is entered, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pqv_core.config import RunConfig
from pqv_core.errors import ConfigError, PqvError
from pqv_core.study import constraints, space
from pqv_core.study.figures import FIGURES
from pqv_core.study.new_study import Choices
from pqv_core.study.variables import variables
from pqv_gui.viewmodels.observable import Observable

_MOST_OBJECTIVES = 4
_FIRST = ("prune.ratio", "quantize.precision")
_BOUNDS = {"top1": "98", "top1_drop": "1", "latency": "10", "size": "10", "memory": "100", "energy": "20"}


@dataclass(frozen=True)
class Varied:
    """A setting, and its values as ``space.parse`` takes them."""

    name: str
    values: str


@dataclass(frozen=True)
class Bound:
    """A figure, and what it must keep to, in the figure's first unit."""

    figure: str
    at_most: bool
    value: float

    @property
    def text(self) -> str:
        """As ``constraints.parse`` takes it."""
        return f"{self.figure}{'<=' if self.at_most else '>='}{self.value:g}{unit_of(self.figure)}"


def unit_of(key: str) -> str:
    """The unit in which a figure is bounded."""
    return FIGURES[key].unit or "%"


class StudyDraft(Observable):
    """What the form of a new study holds.

    Attributes:
        settings: The project's, of which some are varied.
        taken: Names that other studies have.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settings = RunConfig()
        self.taken: Container[str] = ()
        self._forget()

    def _forget(self) -> None:
        self.name = "study"
        self.varied: tuple[Varied, ...] = ()
        self.objectives: tuple[str, ...] = ()
        self.bounds: tuple[Bound, ...] = ()
        self.sampler = "tpe"
        self.trials: int | None = 30
        self.hours: float | None = None
        self.early_stop = True

    def begin(self, settings: RunConfig, *, project: str, taken: Container[str]) -> None:
        """Begin with what is usual for these settings."""
        self._forget()
        self.settings, self.taken = settings, taken
        self.name = self._free(project)
        self.varied = tuple(Varied(name, variables()[name].usual) for name in _FIRST)
        self.objectives = ("top1", "latency") if settings.data.val else ("latency", "size")
        self.notify()

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def set(self, field: str, value: Any) -> None:
        """Take over what was entered: name, objectives, sampler, trials, hours or early_stop."""
        setattr(self, field, tuple(value) if isinstance(value, list) else value)
        self.notify()

    # what varies ---------------------------------------------------------------------------------------------

    def unused(self, own: str = "") -> tuple[str, ...]:
        """Settings that can be varied and are not yet, besides ``own``."""
        used = {item.name for item in self.varied} - {own}
        return tuple(name for name in variables() if name not in used)

    def vary(self, name: str = "") -> None:
        """Vary one more setting; by default the next that is not varied."""
        name = name or next(iter(self.unused()), "")
        if name:
            self.varied = (*self.varied, Varied(name, variables()[name].usual))
            self.notify()

    def change(self, index: int, *, name: str | None = None, values: str | None = None) -> None:
        """Vary another setting there, over what is usual; or the same over other values."""
        item = self.varied[index]
        if name is not None and name != item.name:
            item = Varied(name, variables()[name].usual)
        if values is not None:
            item = replace(item, values=values)
        self.varied = (*self.varied[:index], item, *self.varied[index + 1 :])
        self.notify()

    def keep(self, index: int) -> None:
        """Vary a setting no more."""
        self.varied = (*self.varied[:index], *self.varied[index + 1 :])
        self.notify()

    # what is kept to -----------------------------------------------------------------------------------------

    def bind(self) -> None:
        """Bound one more figure."""
        used = {bound.figure for bound in self.bounds}
        figure = next((key for key in ("top1_drop", *FIGURES) if key not in used and not self.why_not(key)), "")
        if figure:
            self.bounds = (*self.bounds, self._bound(figure))
            self.notify()

    def change_bound(self, index: int, bound: Bound) -> None:
        """Another bound there; of another figure, what is usual for it."""
        if bound.figure != self.bounds[index].figure:
            bound = self._bound(bound.figure)
        self.bounds = (*self.bounds[:index], bound, *self.bounds[index + 1 :])
        self.notify()

    def free(self, index: int) -> None:
        """Bound a figure no more."""
        self.bounds = (*self.bounds[:index], *self.bounds[index + 1 :])
        self.notify()

    @staticmethod
    def _bound(figure: str) -> Bound:
        return Bound(figure, at_most=not FIGURES[figure].greater, value=float(_BOUNDS[figure]))

    def why_not(self, figure: str) -> str:
        """Why trials cannot be judged by a figure; empty where they can."""
        if FIGURES[figure].needs_images and not self.settings.data.val:
            return "Needs validation images: choose them on the Model page."
        if figure == "energy" and self.settings.export.target != "android":
            return "Is measured on phones: choose Android on the Export page."
        return ""

    # what is wrong -------------------------------------------------------------------------------------------

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by the place where it is shown: ``varied/0``, ``bounds/0``, or the field's name."""
        found: dict[str, str] = {}
        name = self.name.strip()
        if not name or Path(name).name != name or name.startswith("."):
            found["name"] = "Enter a plain name, such as “small-and-fast”."
        elif name in self.taken:
            found["name"] = "A study of this name already exists."
        if not self.varied:
            found["varied"] = "Add a setting to vary."
        for index, item in enumerate(self.varied):
            if words := self._wrong_values(item):
                found[f"varied/{index}"] = words
        found |= self._wrong_objectives()
        for index, bound in enumerate(self.bounds):
            if words := self.why_not(bound.figure) or _wrong_bound(bound):
                found[f"bounds/{index}"] = words
        if not found:
            found |= self._wrong_end()
        return found

    def _wrong_values(self, item: Varied) -> str:
        try:
            space.parse(item.name, item.values, self.settings)
        except ConfigError as error:
            words = error.message.removeprefix(f"{item.name}: ")
            return f"{words[:1].upper()}{words[1:]}"
        return ""

    def _wrong_objectives(self) -> dict[str, str]:
        if not self.objectives:
            return {"objectives": "Tick what the best trial is best in."}
        if len(self.objectives) > _MOST_OBJECTIVES:
            return {"objectives": f"Tick at most {_MOST_OBJECTIVES}."}
        reasons = (self.why_not(key) for key in self.objectives)
        return next(({"objectives": reason} for reason in reasons if reason), {})

    def _wrong_end(self) -> dict[str, str]:
        if self.sampler == "grid" and self.combinations is None:
            return {"sampler": "A grid needs a step in every range."}
        if self.trials is None and self.hours is None and self.combinations is None:
            return {"trials": "Enter a number of trials or of hours: else the study has no end."}
        return {}

    @property
    def combinations(self) -> int | None:
        """How many different trials there are; None where there is no end of them, or something is wrong."""
        try:
            return space.Space.of(self.settings, {item.name: item.values for item in self.varied}).size
        except PqvError:
            return None

    def choices(self, project: Path) -> Choices:
        """What was entered, as the core takes it."""
        return Choices(
            project=project,
            vary=tuple(f"{item.name}={item.values}" for item in self.varied),
            objectives=self.objectives,
            constraints=tuple(bound.text for bound in self.bounds),
            sampler=self.sampler,
            trials=self.trials,
            hours=self.hours,
            early_stop=self.early_stop,
        )


def _wrong_bound(bound: Bound) -> str:
    try:
        constraints.parse(bound.text)
    except ConfigError as error:
        return error.message
    return ""
