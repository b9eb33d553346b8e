"""First-order Taylor importance (Molchanov et al. 2019, eq. 8): how much the loss changes without a channel."""

from __future__ import annotations

from typing import Any, cast

import torch_pruning as tp
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.importance.base import Batches, Importance, accumulate_gradients


class Taylor(Importance):
    """Σ |w · ∂L/∂w| over the slices of a group, averaged over its layers."""

    def __init__(self) -> None:
        self._scorer: Any = tp.importance.GroupTaylorImportance()

    def prepare(self, model: nn.Module, batches: Batches, *, total: int, context: Context) -> None:
        accumulate_gradients(model, batches, total=total, context=context)

    def scores(self, group: object) -> Tensor:
        return cast(Tensor, self._scorer(group))
