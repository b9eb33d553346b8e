"""What a study says while it runs, besides the events of its runs: one JSON line each."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pqv_core.study.space import Word

TrialState = Literal["running", "interrupted", "done", "stopped", "failed"]
"""``stopped``: early, as hopeless. ``interrupted``: the study was ended, and goes on with it."""


class StudyEvent(BaseModel):
    """What all share."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class TrialStarted(StudyEvent):
    """A trial begins, or goes on.

    Attributes:
        trial: Its number, from 0.
        run: Id of the run that does it.
        wanted: How many trials there will be at most; None for no limit.
        resumed: An earlier process began it.
    """

    type: Literal["trial_started"] = "trial_started"
    trial: int
    run: str
    params: dict[str, Word]
    wanted: int | None
    resumed: bool = False


class TrialFinished(StudyEvent):
    """A trial is over.

    Attributes:
        figures: What its run gave, by figure (``pqv_core/study/figures.py``).
        keeps: Whether it keeps to every constraint.
        words: Why it failed, or was stopped.
        seconds_left: Until the study is over, about; None where that is not known.
    """

    type: Literal["trial_finished"] = "trial_finished"
    trial: int
    run: str
    state: TrialState
    figures: dict[str, float] = {}
    keeps: bool | None = None
    words: str = ""
    seconds_left: float | None = None


class StudyFinished(StudyEvent):
    """The one last event of a study.

    Attributes:
        reason: Why it ended, in a sentence.
    """

    type: Literal["study_finished"] = "study_finished"
    outcome: Literal["finished", "cancelled"]
    reason: str
