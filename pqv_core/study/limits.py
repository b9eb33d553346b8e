"""When a study is over, and how long that takes still."""

from __future__ import annotations

from collections.abc import Sequence

from pqv_core import formatting
from pqv_core.study.study_file import StudyFile
from pqv_core.study.trials import Trial

_ALL_FAILED = 50  # trials, so many of which nobody would wait for another
_LATEST = 10  # trials whose time tells how long the next will take


def why_over(study: StudyFile, begun: Sequence[Trial]) -> str:
    """Why no further trial begins, in a sentence; empty where one does.

    Args:
        begun: All trials, those at work too.
    """
    if study.trials is not None and len(begun) >= study.trials:
        return f"The limit is reached: {formatting.counted(study.trials, 'trial')}."
    if study.space.size is not None and len(begun) >= study.space.size:
        return f"Every combination was tried: {study.space.size:,}."
    if len(begun) >= _ALL_FAILED and all(trial.state == "failed" for trial in begun):
        return f"None of {len(begun):,} trials could be done."
    seconds = sum(trial.seconds for trial in begun)
    if study.hours is not None and seconds >= 3600 * study.hours:
        return f"The time is over: {formatting.duration(seconds)} of work."
    return ""


def seconds_left(study: StudyFile, begun: Sequence[Trial]) -> float | None:
    """Until a study is over, about, by what its latest trials took; None where that is not known."""
    missing = sum(1 for trial in begun if not trial.is_over)
    if why_over(study, begun) and not missing:
        return 0.0
    by_hours = None
    if study.hours is not None:
        by_hours = max(0.0, 3600 * study.hours - sum(trial.seconds for trial in begun))
    latest = [trial.seconds for trial in begun if trial.is_over and trial.seconds > 0][-_LATEST:]
    if study.wanted is None or not latest:
        return by_hours
    missing += max(0, study.wanted - len(begun))
    by_trials = missing * sum(latest) / len(latest)
    return by_trials if by_hours is None else min(by_trials, by_hours)
