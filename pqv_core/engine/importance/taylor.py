"""First-order Taylor importance: how much the loss changes without a channel.

Molchanov et al. 2019 (§3.1) take the change by one weight as g · w, and that by a set of them as the sum over it.
"""

from __future__ import annotations

from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.importance.base import Batches, Summed, accumulate_gradients


class Taylor(Summed):
    """Σ |w · ∂L/∂w| over all weights of a channel; their signs are left out, for at a minimum they cancel."""

    estimates_loss = True

    def prepare(self, model: nn.Module, batches: Batches, *, total: int, context: Context) -> None:
        accumulate_gradients(model, batches, total=total, context=context)

    def values(self, weight: nn.Parameter) -> Tensor | None:
        return None if weight.grad is None else (weight * weight.grad).abs()
