"""Random importance: what any criterion must beat (Li et al. 2022, “Revisiting Random Channel Pruning”)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pqv_core.engine.importance.base import Importance


class Random(Importance):
    """A score between 0 and 1, drawn from torch's generator, which the run's seed sets."""

    def scores(self, group: Any) -> Tensor:
        return torch.rand(len(group[0].idxs))
