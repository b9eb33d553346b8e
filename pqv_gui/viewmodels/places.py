"""The wizard's steps, the working pages, and the state of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from pqv_gui.viewmodels.project_session import Problem


class Place(Enum):
    """Where a person can be. The value is the name that the page carries."""

    START = "Start"
    MODEL = "Model"
    PRUNE = "Prune"
    BACKEND = "Backend"
    EXPORT = "Export"
    RUN = "Run"
    DEVICE = "Device"
    COMPARE = "Compare"


WIZARD = (Place.MODEL, Place.PRUNE, Place.BACKEND, Place.EXPORT)
WORKING = (Place.RUN, Place.DEVICE, Place.COMPARE)

_SECTIONS = {
    "model": Place.MODEL,
    "data": Place.MODEL,
    "seed": Place.MODEL,
    "prune": Place.PRUNE,
    "finetune": Place.PRUNE,
    "quantize": Place.BACKEND,
    "export": Place.EXPORT,
    "measure": Place.EXPORT,
}

StepState = Literal["todo", "valid", "invalid"]


@dataclass(frozen=True)
class Step:
    """One entry at the left: ``state`` in words is what a screen reader says."""

    place: Place
    state: StepState
    message: str = ""


def place_of(field: str) -> Place:
    """The page on which a setting is edited."""
    return _SECTIONS[field.partition(".")[0]]


def states(problems: Iterable[Problem], visited: Iterable[Place]) -> tuple[Step, ...]:
    """The wizard's steps; one that was never looked at is still to do, unless something is missing in it."""
    missing: dict[Place, str] = {}
    for problem in problems:
        missing.setdefault(place_of(problem.field), problem.message)
    seen = set(visited)
    return tuple(
        Step(place, "invalid", missing[place])
        if place in missing
        else Step(place, "valid" if place in seen else "todo")
        for place in WIZARD
    )
