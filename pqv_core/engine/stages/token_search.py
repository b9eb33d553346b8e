"""How many tokens are merged, where a latency budget says: what merging saves need not be saved by cutting.

Merging changes what every block costs, and no table knows it. So the model is cut to the budget once with each of a few
schedules, with what merging saves counted by the trial on the clock; of all that meet it, the one with the least loss
on the calibration images is taken, before any training ("Pruning one more token is enough", WACV 2025, chooses a number
of tokens for a device in this spirit).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.measure.evaluate import Tally
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.errors import PruneError


@dataclass(frozen=True)
class Cut:
    """A model cut as far as it has to be.

    Attributes:
        model: Keeps all its tokens: they are merged in a stage of their own.
        allocation: What decided; None for a ratio.
    """

    model: nn.Module
    merging: Merging | None
    allocation: ByBudget | None


@dataclass(frozen=True)
class Tried:
    """What came of one schedule.

    Attributes:
        merged: Tokens that each block merges away.
        loss: Mean cross-entropy on the calibration images, in nats, merged and not trained; None where the budget
            cannot be met so.
        share: Of the uncut model's latency, on the clock; None where it was not met.
    """

    merged: tuple[int, ...]
    loss: float | None
    share: float | None


def least_loss(
    merged: Iterable[tuple[int, ...]],
    cut: Callable[[Merging | None], Cut],
    batches: Iterable[tuple[Tensor, Tensor]],
    context: Context,
    *,
    proportional: bool,
) -> tuple[Cut, list[Tried]]:
    """The best cut, and what came of each schedule. One that keeps the budget comes before any that misses it.

    Args:
        merged: Schedules.
        cut: Cuts the model to the budget with one of them.
        batches: Images (N, C, H, W) and their classes (N,); gone through once a schedule.

    Raises:
        PruneError: The budget cannot be met with any.
        Cancelled: The end was asked for.
    """
    best: Cut | None = None
    least = (True, math.inf)
    tried: list[Tried] = []
    refused: PruneError | None = None
    schedules = list(merged)
    for number, each in enumerate(schedules):
        begin, end = number / len(schedules), (number + 1) / len(schedules)
        try:
            with context.part("schedule", begin, end):
                made = cut(Merging(merged=each, proportional=proportional) if any(each) else None)
        except PruneError as error:
            refused = refused or error
            tried.append(Tried(each, None, None))
            continue
        measured = made.allocation.measured if made.allocation is not None else None
        loss = _loss(made, batches, context)
        worth = (made.allocation is not None and not made.allocation.is_within, loss)
        if best is None or worth < least:
            best, least = made, worth
        tried.append(Tried(each, loss, measured.share if measured is not None else None))
    if best is None:
        assert refused is not None
        raise refused
    return best, tried


@torch.inference_mode()
def _loss(made: Cut, batches: Iterable[tuple[Tensor, Tensor]], context: Context) -> float:
    model = made.model
    if made.merging is not None:
        merged_tokens.merge(model, made.merging)
    tally = Tally()
    for images, classes in batches:
        context.check_cancelled()
        tally.add(model(images), classes)
    if made.merging is not None:
        merged_tokens.undo(model)
    return tally.result().loss
