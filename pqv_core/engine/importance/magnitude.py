"""Magnitude importance: how large the weights of a group are (Han et al. 2015; grouped: Fang et al. 2023, §3.3)."""

from __future__ import annotations

from torch import Tensor, nn

from pqv_core.engine.importance.base import Summed


class Magnitude(Summed):
    """Σ |w|ᵖ over all weights of a channel.

    Args:
        p: 1 for the L1 norm, 2 for the L2 norm.
    """

    def __init__(self, p: int) -> None:
        self._p = p

    def values(self, weight: nn.Parameter) -> Tensor:
        return weight.abs().pow(self._p)
