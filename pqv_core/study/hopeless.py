"""When a trial is stopped while it is fine-tuned: its curve says that it will not come to anything.

Only where accuracy decides. Where it is one of several objectives and none is bounded, a less accurate trial may be the
quickest of all, so none is hopeless.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pqv_core import formatting

CURVE = "val_top1"
"""The metric that is looked at."""

BEGUN = 0.25
"""Share of the epochs before which nothing is said."""

LEAST = 4
"""Trials to compare with before anything is said."""

Curve = Sequence[tuple[float, float]]
"""Share of the epochs, from 0 to 1, and the share of validation images that was right then."""


@dataclass(frozen=True)
class Rival:
    """The curve of a trial that is over.

    Attributes:
        keeps: Whether it kept to every constraint.
    """

    curve: Curve
    keeps: bool


def best_until(curve: Curve, share: float) -> float | None:
    """The best accuracy up to a share of the epochs; None where none was measured."""
    return max((top1 for at, top1 in curve if at <= share + 1e-9), default=None)


def verdict(curve: Curve, rivals: Sequence[Rival], *, bounded: bool, alone: bool) -> str:
    """Why a trial is hopeless, in a sentence; empty where it is not.

    Args:
        curve: Of the trial, as far as it is.
        bounded: Accuracy has a constraint: whoever is below all that kept to the constraints breaks it, too.
        alone: Accuracy is the only objective: whoever is below half of the others is stopped (the median rule of
            Golovin et al. 2017, Google Vizier).
    """
    if not curve or curve[-1][0] < BEGUN or curve[-1][0] >= 1:
        return ""
    share = curve[-1][0]
    mine = best_until(curve, share)
    compared = [(rival, at) for rival in rivals if (at := best_until(rival.curve, share)) is not None]
    kept = [at for rival, at in compared if rival.keeps]
    if mine is None:
        return ""
    if bounded and len(kept) >= LEAST and mine < min(kept):
        return _sentence(
            mine, share, f"every trial that kept to the constraints ({formatting.percent(min(kept))} then)"
        )
    if alone and len(compared) >= LEAST and mine < (median := statistics.median(at for _, at in compared)):
        return _sentence(mine, share, f"half of the trials ({formatting.percent(median)} then)")
    return ""


def _sentence(mine: float, share: float, whom: str) -> str:
    return f"After {formatting.percent(share)} of the epochs {formatting.percent(mine)} were right, below {whom}."
