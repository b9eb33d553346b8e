"""The criterion itself. Loaded by the worker process only."""

from __future__ import annotations

from torch import Tensor, nn

from pqv_core.engine.importance.base import Summed


class Spread(Summed):
    """Σ (w − mean of its tensor)² over all weights of a channel."""

    def values(self, weight: nn.Parameter) -> Tensor:
        return (weight - weight.mean()).square()
