"""A trial as it is kept: Optuna's, whose attributes say which run did it and what that gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from pqv_core.study.constraints import Constraint
from pqv_core.study.events import TrialState
from pqv_core.study.space import Params

RUN, NUMBER = "run", "run_number"
"""Attributes of a trial: its run's id, and its number in Compare."""
BEFORE, SECONDS = "seconds_before", "seconds"
"""For how long its run had been at work before the study found it, and then for the study."""
FIGURES, CURVE, WORDS = "figures", "curve", "words"
"""What came of it: figures by key, accuracy by share of the epochs, and why it failed or was stopped."""
SAME_AS = "same_as"
"""Of a proposal that was there before: the number of the trial that did it."""

_STATES: Mapping[OptunaState, TrialState] = {
    OptunaState.COMPLETE: "done",
    OptunaState.PRUNED: "stopped",
    OptunaState.FAIL: "failed",
}


@dataclass(frozen=True)
class Trial:
    """One trial of a study.

    Attributes:
        params: What was varied, by the setting's dotted name.
        run: Id of its run; empty where none was begun.
        run_number: As Compare counts them; None where the run did not come so far.
        figures: By key (``figures.FIGURES``).
        values: The objectives, in their order; None unless it is done.
        keeps: Whether it keeps to every constraint; None unless it is done.
        curve: Share of the epochs and accuracy then.
        seconds: For how long it was at work, with every time that it was begun.
        words: Why it failed or was stopped.
    """

    number: int
    state: TrialState
    params: Params
    run: str = ""
    run_number: int | None = None
    figures: Mapping[str, float] | None = None
    values: tuple[float, ...] | None = None
    keeps: bool | None = None
    curve: tuple[tuple[float, float], ...] = ()
    seconds: float = 0.0
    words: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will change."""
        return self.state not in ("running", "interrupted")


def counts(frozen: FrozenTrial) -> bool:
    """Whether it is a trial of its own: begun, and not a proposal that was there before."""
    return frozen.state != OptunaState.WAITING and SAME_AS not in frozen.user_attrs


def run_of(frozen: FrozenTrial) -> str:
    """Id of the run that did a trial; empty where none was begun, or where a stranger's journal names another place."""
    run = frozen.user_attrs.get(RUN, "")
    return run if isinstance(run, str) and run not in (".", "..") and PurePath(run).name == run else ""


def of(frozen: FrozenTrial, bounds: Sequence[Constraint], *, at_work: bool) -> Trial:
    """What is kept of a trial.

    Args:
        at_work: A process runs the study; else what is not over was interrupted.
    """
    attributes: dict[str, Any] = frozen.user_attrs
    state = _STATES.get(frozen.state, "running" if at_work else "interrupted")
    figures = attributes.get(FIGURES)
    done = state == "done"
    return Trial(
        number=frozen.number,
        state=state,
        params=frozen.params,
        run=run_of(frozen),
        run_number=attributes.get(NUMBER),
        figures=figures,
        values=tuple(frozen.values) if done and frozen.values else None,
        keeps=all(excess <= 0 for excess in excesses(figures or {}, bounds)) if done else None,
        curve=tuple((at, top1) for at, top1 in attributes.get(CURVE, ())),
        seconds=attributes.get(SECONDS, 0.0),
        words=attributes.get(WORDS, ""),
    )


def excesses(figures: Mapping[str, float], bounds: Sequence[Constraint]) -> tuple[float, ...]:
    """By how much each constraint is broken; a figure that is not known breaks it."""
    return tuple(bound.excess(figures[bound.figure.key]) if bound.figure.key in figures else 1.0 for bound in bounds)


def judge(bounds: Sequence[Constraint]) -> Callable[[FrozenTrial], Sequence[float]] | None:
    """What tells Optuna's samplers of the constraints; None where there are none."""
    if not bounds:
        return None
    return lambda frozen: excesses(frozen.user_attrs.get(FIGURES) or {}, bounds)
