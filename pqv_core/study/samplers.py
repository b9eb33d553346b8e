"""How a study chooses what to try next: one row a sampler.

Optuna is imported when a sampler is made: who only names them, as a form does, need not wait for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Bounds: TypeAlias = "Callable[[FrozenTrial], Sequence[float]]"
"""By how much a trial breaks each constraint; 0 or less where it keeps it."""


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler.

    Attributes:
        make: From the seed, the constraints and the number of trials.
    """

    label: str
    sentence: str
    make: Callable[[int, Bounds | None, int], BaseSampler]


def _random(seed: int, bounds: Bounds | None, trials: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _tpe(seed: int, bounds: Bounds | None, trials: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=min(10, max(1, trials // 3)), constraints_func=bounds)


def _nsga2(seed: int, bounds: Bounds | None, trials: int) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=min(50, max(4, trials // 5)), constraints_func=bounds)


SAMPLERS: dict[str, SamplerInfo] = {
    "tpe": SamplerInfo("TPE", "Tries what resembles the best trials so far.", _tpe),
    "nsga2": SamplerInfo("NSGA-II", "Breeds the next generation from the best trials; for many trials.", _nsga2),
    "random": SamplerInfo("Random", "Tries anything, each value as often.", _random),
    "grid": SamplerInfo("Grid", "Tries every combination.", _random),
}
"""A grid's points are asked for one by one, so its sampler never chooses."""


def made(key: str, *, seed: int, bounds: Bounds | None, trials: int) -> BaseSampler:
    """A sampler of Optuna.

    Args:
        seed: Another one for each time that a study goes on, or it would begin its draws again.
        trials: How many there will be, about.
    """
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # constraints, which are the samplers' own part
        return SAMPLERS[key].make(seed, bounds, trials)
