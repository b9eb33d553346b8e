"""What may be cut in a model.

Knowledge of families is data: hidden widths (``mlp``) and heads (``attention_rows``) are one row a class of timm, and
the embedding is cut in the plain Vision Transformers (``embedding``). A family is supported when its blocks are made of
these.
"""

from __future__ import annotations

from torch import nn

from pqv_core.config import PruneConfig
from pqv_core.engine.structure import attention, embedding, mlp
from pqv_core.engine.structure.widths import Kind, Part, Ranking, Width
from pqv_core.errors import PruneError

__all__ = ["Kind", "Part", "Ranking", "Width", "supported", "widths"]


def supported(model: nn.Module) -> dict[Kind, str]:
    """What can be cut in a model, and why not, as the end of a sentence: empty for what can."""
    kind = type(model).__name__
    return {
        "mlp": "" if any(mlp.widths(model)) else f"no {kind} layers with a supported hidden width",
        "attention": ""
        if any(attention.widths(model, "width"))
        else f"{kind} has no attention whose heads can be cut without the embedding",
        "embedding": embedding.obstacle(model),
    }


def widths(model: nn.Module, config: PruneConfig) -> list[Width]:
    """The widths of ``model`` that ``config`` allows to be cut.

    Raises:
        PruneError: Nothing that the config names can be cut, or the embedding was named and cannot.
    """
    wanted: dict[Kind, bool] = {"mlp": config.mlp, "attention": config.attention, "embedding": config.embedding}
    why_not = {kind: why for kind, why in supported(model).items() if wanted[kind]}
    if why_not.get("embedding"):
        raise PruneError(
            f"The embedding of this model cannot be cut: {why_not['embedding']}.",
            action="Cut the MLPs and the attention only.",
        )
    if all(why_not.values()):
        raise PruneError(
            f"{type(model).__name__} models cannot be pruned: {'; '.join(why_not.values())}.",
            action="Choose another model, or turn pruning off and only quantize it.",
        )
    found: list[Width] = []
    if config.mlp:
        found.extend(mlp.widths(model))
    if config.attention:
        found.extend(attention.widths(model, config.attention_unit))
    if config.embedding:
        found.append(embedding.width(model))
    return found
