"""A study as it is now, for whoever shows it: cheap to ask again, for only what is new is read.

watch = StudyWatch(folder)
view = watch.look()  # again and again, in one thread
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna

from pqv_core.study import limits, storage, study_file, trials
from pqv_core.study.storage import Journal
from pqv_core.study.study_file import StudyFile
from pqv_core.study.trials import Trial

_ENOUGH = 10
"""Trials below which it is not said what decides: the best tenth of them would be none."""


@dataclass(frozen=True)
class StudyView:
    """A study at a moment.

    Attributes:
        study: What it asks.
        project: The project that it belongs to.
        trials: Those that were begun, in their order.
        front: Of those that keep to every constraint, the ones that no other is better than in everything; by number,
            the best in the first objective first.
        at_work: Whether a process runs it now.
        seconds: For how long trials were at work.
        seconds_left: Until it is over, about; None where that is not known, 0 where it is over.
    """

    folder: Path
    study: StudyFile
    project: Path
    trials: tuple[Trial, ...]
    front: tuple[int, ...]
    at_work: bool
    seconds: float
    seconds_left: float | None

    @property
    def is_over(self) -> bool:
        """Whether all trials are over and no further one would begin."""
        return all(trial.is_over for trial in self.trials) and limits.why_over(self.study, self.trials) != ""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.stem

    def trial(self, number: int) -> Trial | None:
        """The trial of this number; None where there is none, or where it was there before."""
        return next((trial for trial in self.trials if trial.number == number), None)


class StudyWatch:
    """Looks at a study again and again.

    Raises:
        ProjectError: There is no study, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = study_file.load(folder)
        self._journal: Journal | None = None
        self._over: dict[int, Trial] = {}
        self._front = Front(tuple(goal.greater for goal in self._file.goals))

    def look(self) -> StudyView:
        """The study now.

        Raises:
            ProjectError: Its journal is damaged.
            StorageError: It cannot be read.
        """
        at_work = storage.is_held(self._folder)
        self._journal = self._journal or storage.watched(self._folder, self._file)
        found = self._trials(at_work)
        seconds = sum(trial.seconds for trial in found)
        return StudyView(
            folder=self._folder,
            study=self._file,
            project=study_file.project_of(self._folder, self._file),
            trials=tuple(found),
            front=self._front.numbers,
            at_work=at_work,
            seconds=seconds,
            seconds_left=limits.seconds_left(self._file, found),
        )

    def _trials(self, at_work: bool) -> list[Trial]:
        if self._journal is None:
            return []
        found = []
        for frozen in self._journal.trials():
            trial = self._over.get(frozen.number)
            if trial is None:
                if not trials.counts(frozen):
                    continue
                trial = trials.of(frozen, self._file.bounds, at_work=at_work)
                if trial.is_over:
                    self._over[trial.number] = trial
                    self._front.add(trial)
            found.append(trial)
        return found

    def importances(self) -> dict[str, dict[str, float]]:
        """By objective, which share of what became of it each parameter decides (PED-ANOVA, Watanabe et al. 2023).

        Empty before there are enough trials. Takes a moment, the first time seconds: not for every look.
        """
        if self._journal is None:
            return {}
        done = [trial for trial in self._over.values() if trial.state == "done"]
        found = {}
        for place, goal in enumerate(self._file.goals):
            if len(done) >= _ENOUGH and len({trial.values[place] for trial in done if trial.values}) > 1:
                found[goal.key] = _importances(self._journal.study, place, -1 if goal.greater else 1)
        return found


def _importances(study: optuna.Study, place: int, sign: int) -> dict[str, float]:
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that less of the target is taken for better, which the sign heeds
        return get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(), target=lambda trial: sign * trial.values[place]
        )


class Front:
    """The trials that no other is better than in everything, kept up to date as they come.

    Args:
        greater: Of each objective, whether more is better.
    """

    def __init__(self, greater: Sequence[bool]) -> None:
        self._signs = np.array([-1.0 if more else 1.0 for more in greater])
        self._numbers = np.empty(0, dtype=int)
        self._points = np.empty((0, len(greater)))  # less is better in all

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of its trials, the best in the first objective first."""
        order = np.lexsort((self._numbers, *reversed(self._points.T)))
        return tuple(int(number) for number in self._numbers[order])

    def add(self, trial: Trial) -> None:
        """Take a trial in; one that is not done, or breaks a constraint, changes nothing."""
        if trial.values is None or not trial.keeps:
            return
        point = self._signs * np.array(trial.values)
        before = self._points
        if ((before <= point).all(axis=1) & (before < point).any(axis=1)).any():
            return
        stays = ~((point <= before).all(axis=1) & (point < before).any(axis=1))
        self._points = np.vstack([before[stays], point])
        self._numbers = np.append(self._numbers[stays], trial.number)
