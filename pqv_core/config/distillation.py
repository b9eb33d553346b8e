"""What learning from the unpruned model asks of the one that is left."""

from __future__ import annotations

from pqv_core.config import RunConfig
from pqv_core.errors import ConfigError


def problem(config: RunConfig) -> ConfigError | None:
    """Why the unpruned model's features cannot be learnt; None where they can, or are not asked for."""
    if not (_learns_features(config) and config.cuts_embedding):
        return None
    return ConfigError(
        "Where the embedding is cut, the unpruned model's last features have more channels than the pruned one's, "
        "which cannot learn them.",
        field="finetune.feature_distillation",
        action="Set finetune.feature_distillation to 0, or prune.embedding to false.",
    )


def problem_with_tokens(config: RunConfig, *, gives_all: bool) -> ConfigError | None:
    """The same of a model that merges tokens.

    Args:
        gives_all: Its last features are of all tokens, also of those that were merged.
    """
    if gives_all or not (_learns_features(config) and config.tokens.enabled):
        return None
    return ConfigError(
        "Where tokens are merged, this model's last features are of fewer tokens than the unpruned one's, "
        "which it cannot learn then.",
        field="finetune.feature_distillation",
        action=f"Set finetune.feature_distillation to 0, or turn {config.tokens.asked_by} off.",
    )


def _learns_features(config: RunConfig) -> bool:
    tune = config.finetune
    return bool((tune.epochs > 0 or config.prune.trains_between) and tune.feature_distillation)
