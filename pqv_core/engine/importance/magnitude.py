"""Magnitude importance: how large the weights of a group are (Han et al. 2015; grouped: Fang et al. 2023, §3.3).

Between layers it compares as global magnitude pruning of single weights does (Han et al. 2015, Blalock et al. 2020):
by the weights' own size. The mean over a channel's weights keeps wide layers, which have more of them, from counting
for more. Norms relative to the layer's own, and LAMP (Lee et al. 2021), do not change when a whole layer is scaled,
which is right where a norm follows it. What a block of a transformer computes is added to what passes it by: where all
its weights are small it does little, and goes first.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pqv_core.engine.dependencies import slices
from pqv_core.engine.importance.base import Importance


class Magnitude(Importance):
    """Mean |w|ᵖ over a channel's weights, in all layers of its group together.

    Args:
        p: 1 for the L1 norm, 2 for the L2 norm.
    """

    adds_up = False

    def __init__(self, p: int) -> None:
        self._p = p

    @torch.no_grad()
    def scores(self, group: Any) -> Tensor:
        total, weights = torch.zeros(2, len(group[0].idxs))
        for part in slices(group):
            total = part.added(part.weight.abs().pow(self._p), total)
            weights = part.added(torch.ones_like(part.weight), weights)
        return total / weights
