"""How many tokens are left in each block of a Vision Transformer that merges some. Pure arithmetic.

A block attends to all tokens that enter it, merges some of them, and its MLP sees the rest (ToMe, Bolya et al. 2023,
§3). Prefix tokens, which classify, are never merged.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pqv_core.config.tokens import TokensConfig
from pqv_core.errors import ConfigError

ARCHITECTURES = ("VisionTransformer", "VisionTransformerDistilled")
"""Classes of timm whose tokens can be merged."""


@dataclass(frozen=True, slots=True)
class BlockTokens:
    """Tokens that the two halves of a block see."""

    attention: int
    mlp: int


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


def _wanted(config: TokensConfig, depth: int) -> list[int]:
    if config.per_block:
        return [*config.per_block, *[0] * (depth - len(config.per_block))]
    if config.schedule == "constant" or depth == 1:
        return [config.merge] * depth
    # From twice the mean down to none, in whole numbers that add up to as many as a constant schedule merges.
    total, steps = config.merge * depth, depth * (depth - 1)
    upto = [round(total * place * (2 * depth - 1 - place) / steps) for place in range(depth + 1)]
    return [after - before for before, after in itertools.pairwise(upto)]


def entering(merged: Sequence[int], *, tokens: int) -> tuple[BlockTokens, ...]:
    """How many tokens the attention and the MLP of each block see.

    Args:
        merged: Tokens that each block merges away.
        tokens: Those that enter the first block, with prefix tokens.
    """
    found = []
    for gone in merged:
        found.append(BlockTokens(attention=tokens, mlp=tokens - gone))
        tokens -= gone
    return tuple(found)


def obstacle(architecture: str) -> str:
    """A sentence that says why a model cannot merge tokens; empty when it can."""
    if architecture in ARCHITECTURES:
        return ""
    return f"Tokens are merged only in plain Vision Transformers (ViT, DeiT, DeiT III); this one is a {architecture}."
