"""Magnitude importance: the norm of the weights of a group (Han et al. 2015; grouped: Fang et al. 2023, §3.3)."""

from __future__ import annotations

from typing import Any, cast

import torch_pruning as tp
from torch import Tensor

from pqv_core.engine.importance.base import Importance


class Magnitude(Importance):
    """Σ |w|ᵖ over the slices of a group, averaged over its layers.

    Args:
        p: 1 for the L1 norm, 2 for the L2 norm.
    """

    def __init__(self, p: int) -> None:
        self._scorer: Any = tp.importance.GroupMagnitudeImportance(p=p)

    def scores(self, group: object) -> Tensor:
        return cast(Tensor, self._scorer(group))
