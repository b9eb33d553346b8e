"""What may be cut in a model, by its kind."""

from __future__ import annotations

from torch import nn

from pqv_core.config import PruneConfig
from pqv_core.engine.structure import plain_vit
from pqv_core.engine.structure.widths import Width
from pqv_core.errors import PruneError

__all__ = ["Width", "widths"]


def widths(model: nn.Module, config: PruneConfig) -> list[Width]:
    """The widths of ``model`` that ``config`` makes smaller.

    Raises:
        PruneError: Says what in the model prevents it.
    """
    why = plain_vit.supports(model)
    if why:
        raise PruneError(
            f"{type(model).__name__} models cannot be pruned: {why}.",
            action="Choose another model, or switch pruning off and only quantize it.",
        )
    return list(plain_vit.widths(model, config))
