"""How many tokens each block of a Vision Transformer merges away, and which can."""

from __future__ import annotations

import itertools
import math

from pqv_core.config import RunConfig
from pqv_core.config.budget import LOCAL
from pqv_core.config.tokens import TokensConfig
from pqv_core.errors import ConfigError

ARCHITECTURES = ("VisionTransformer", "VisionTransformerDistilled")
"""Classes of timm whose tokens can be merged."""
_TRIED = (0.0, 1 / 24, 1 / 16, 1 / 12)
"""Shares of an image's tokens that a budget tries to merge in each block: up to all, in a ViT of twelve blocks."""
TRIED = len(_TRIED)
"""How many numbers of merged tokens a budget tries, at most."""


def merged(config: TokensConfig, *, patches: int, depth: int) -> tuple[int, ...]:
    """How many tokens each block merges away.

    Args:
        patches: Tokens of the image, without prefix tokens.
        depth: Number of blocks.

    Raises:
        ConfigError: There are numbers for more blocks than the model has.
    """
    if len(config.per_block) > depth:
        raise ConfigError(
            f"tokens.per_block has {len(config.per_block)} numbers, but the model has {depth} blocks.",
            field="tokens.per_block",
            action=f"Give at most {depth} numbers.",
        )
    found = []
    for wanted in _wanted(config, depth):
        found.append(min(wanted, patches // 2))  # every merged token goes into one of the other half
        patches -= found[-1]
    return tuple(found)


def tried(config: TokensConfig, *, patches: int, depth: int) -> list[tuple[int, ...]]:
    """How many tokens each block merges away in the schedules among which a budget chooses; first, none."""
    plain = config.changed(by_budget=False, per_block=())
    numbers = dict.fromkeys(math.ceil(patches * share) for share in _TRIED)
    return [merged(plain.changed(merge=number), patches=patches, depth=depth) for number in numbers]


def problem(config: RunConfig) -> ConfigError | None:
    """Why a budget cannot choose how many tokens are merged; None where it can, or is not asked to."""
    if not config.tokens.by_budget:
        return None
    if not (config.prunes_for_budget and config.budget.limits_latency and config.budget.on == LOCAL):
        reason = "there is no limit of latency on this computer"
    elif not (config.data.train or config.data.val):
        reason = "there are no images by which to judge"
    else:
        return None
    return ConfigError(
        f"A budget cannot choose how many tokens are merged: {reason}.",
        field="tokens.by_budget",
        action="Set tokens.by_budget to false and tokens.merge to a number, or set such a limit and choose images.",
    )


def _wanted(config: TokensConfig, depth: int) -> list[int]:
    if config.per_block:
        return [*config.per_block, *[0] * (depth - len(config.per_block))]
    if config.schedule == "constant" or depth == 1:
        return [config.merge] * depth
    # From twice the mean down to none, in whole numbers that add up to as many as a constant schedule merges.
    total, steps = config.merge * depth, depth * (depth - 1)
    upto = [round(total * place * (2 * depth - 1 - place) / steps) for place in range(depth + 1)]
    return [after - before for before, after in itertools.pairwise(upto)]


def obstacle(architecture: str) -> str:
    """A sentence that says why a model cannot merge tokens; empty when it can."""
    if architecture in ARCHITECTURES:
        return ""
    return f"Tokens are merged only in plain Vision Transformers (ViT, DeiT, DeiT III); this one is a {architecture}."
