"""The learning rate as a pure function of the step, so that going on needs nothing but the step."""

from __future__ import annotations

import math


def learning_rate(step: int, *, steps: int, warmup: int, peak: float) -> float:
    """Linear warm-up, then half a cosine down towards zero (SGDR without restarts, Loshchilov & Hutter 2017).

    Args:
        step: Optimiser step, from 0 to ``steps`` - 1.
        steps: Their number.
        warmup: Steps over which the rate rises to ``peak``.
        peak: Highest rate.
    """
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
