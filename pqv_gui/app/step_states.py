"""The state of each step of the wizard."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Literal

from pqv_gui.pages import in_group, page_of
from pqv_gui.viewmodels.project_session import Problem

StepState = Literal["todo", "valid", "invalid"]


@dataclass(frozen=True)
class Step:
    """One entry at the left.

    Attributes:
        place: Key of its page.
        message: What is missing; what a screen reader says beside the state.
    """

    place: str
    state: StepState
    message: str = ""


def states(problems: Iterable[Problem], visited: Container[str]) -> tuple[Step, ...]:
    """The wizard's steps; one that was never looked at is still to do, unless something is missing in it."""
    missing: dict[str, str] = {}
    for problem in problems:
        missing.setdefault(page_of(problem.field), problem.message)
    return tuple(
        Step(place, "invalid", missing[place])
        if place in missing
        else Step(place, "valid" if place in visited else "todo")
        for place in in_group("wizard")
    )
