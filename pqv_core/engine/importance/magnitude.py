"""Magnitude importance: how large the weights of a group are (Han et al. 2015; grouped: Fang et al. 2023, §3.3)."""

from __future__ import annotations

from torch import Tensor, nn

from pqv_core.engine.importance.base import Summed


class L1(Summed):
    """Σ |w| over all weights of a channel."""

    def values(self, weight: nn.Parameter) -> Tensor:
        return weight.abs()


class L2(Summed):
    """Σ w² over all weights of a channel."""

    def values(self, weight: nn.Parameter) -> Tensor:
        return weight.square()
