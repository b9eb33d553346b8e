"""What learning from the unpruned model asks of the one that is left."""

from __future__ import annotations

from pqv_core.config import RunConfig
from pqv_core.errors import ConfigError


def problem(config: RunConfig) -> ConfigError | None:
    """Why the unpruned model's features cannot be learnt; None where they can, or are not asked for."""
    tune = config.finetune
    trains = tune.epochs > 0 or config.prune.trains_between
    if not (trains and tune.feature_distillation and config.cuts_embedding):
        return None
    return ConfigError(
        "Where the embedding is cut, the unpruned model's last features have more channels than the pruned one's, "
        "which cannot learn them.",
        field="finetune.feature_distillation",
        action="Set finetune.feature_distillation to 0, or prune.embedding to false.",
    )
