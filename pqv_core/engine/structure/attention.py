"""Attention: whole heads, or some channels of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from timm.layers.attention import Attention
from torch import nn

from pqv_core.config.prune import AttentionUnit
from pqv_core.engine.structure.widths import Width


def widths(model: nn.Module, unit: AttentionUnit) -> Iterator[Width]:
    """The widths of timm's own attention layers; most of the other families' layers tie them to the embedding."""
    for name, module in model.named_modules():
        if type(module) is Attention:
            yield _width(name, module, unit)


def _width(name: str, attention: Attention, unit: AttentionUnit) -> Width:
    """The inputs of the projection: the heads' values, and their queries and keys with them."""
    normed = not isinstance(attention.q_norm, nn.Identity)
    whole = unit == "heads"
    return Width(
        kind="attention",
        name=f"{name}.proj",
        scope=attention,
        root=attention.proj,
        side="in",
        channels=attention.num_heads * attention.head_dim,
        unit="heads" if whole else "inside heads alike" if normed else "inside heads",
        heads=attention.num_heads,
        separate=(attention.q_norm, attention.k_norm),
        after=partial(_drop_heads if whole else _narrow_heads, attention),
    )


def _drop_heads(attention: Attention, cut: list[int]) -> None:
    attention.num_heads -= len(cut) // attention.head_dim
    attention.attn_dim = attention.num_heads * attention.head_dim


def _narrow_heads(attention: Attention, cut: list[int]) -> None:
    """Put right what the head's width decides.

    The products of queries and keys stay scaled as they were trained. Fused attention always divides by √width, so
    the difference goes into the queries: into their norm's weights where there is one, else into their own.
    """
    before = attention.head_dim
    kept = before - len(cut) // attention.num_heads
    attention.head_dim, attention.attn_dim = kept, attention.num_heads * kept
    attention.scale = kept**-0.5
    factor = (kept / before) ** 0.5
    with torch.no_grad():
        if not isinstance(attention.q_norm, nn.Identity):
            remaining = [index for index in range(before) if index not in set(cut)]
            for norm in (attention.q_norm, attention.k_norm):
                _narrow_norm(norm, remaining)
            for parameter in attention.q_norm.parameters():
                parameter *= factor
            return
        attention.qkv.weight[: attention.attn_dim] *= factor
        if attention.qkv.bias is not None:
            attention.qkv.bias[: attention.attn_dim] *= factor


def _narrow_norm(norm: nn.Module, remaining: list[int]) -> None:
    """A norm over a head's width mixes its channels, so it must be over the remaining ones."""
    for name, parameter in norm.named_parameters(recurse=False):
        setattr(norm, name, nn.Parameter(parameter.data[remaining].clone()))
    if hasattr(norm, "normalized_shape"):
        norm.normalized_shape = (len(remaining),)  # type: ignore[assignment]
