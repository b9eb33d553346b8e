"""How many tokens are left in each block of a Vision Transformer that merges some. Pure arithmetic.

A block attends to all tokens that enter it, merges some of them, and its MLP sees the rest (ToMe, Bolya et al. 2023,
§3). Prefix tokens, which classify, are never merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockTokens:
    """Tokens that the two halves of a block see."""

    attention: int
    mlp: int


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
