"""The width of the tokens of timm's plain Vision Transformers, through the whole network."""

from __future__ import annotations

from functools import partial

from timm.layers.attention_pool import AttentionPoolLatent
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from pqv_core.engine.structure.widths import Width


def obstacle(model: nn.Module) -> str:
    """Why a model's embedding cannot be cut, as the end of a sentence; empty when it can."""
    if not isinstance(model, VisionTransformer):
        return "its stages are tied together in a way that only the plain Vision Transformers are not"
    if isinstance(model.attn_pool, AttentionPoolLatent):
        return "its attention pooling mixes heads and embedding"
    if not isinstance(model.patch_embed.proj, nn.Conv2d | nn.Linear):
        return "a convolutional stem comes before its patches"
    return ""


def width(model: nn.Module) -> Width:
    """Outputs of the patch projection, and everything that they pass through."""
    assert isinstance(model, VisionTransformer)
    return Width(
        kind="embedding",
        name="patch_embed.proj",
        scope=model,
        root=model.patch_embed.proj,
        side="out",
        channels=model.embed_dim,
        after=partial(_narrow, model),
    )


def _narrow(model: VisionTransformer, cut: list[int]) -> None:
    model.embed_dim -= len(cut)
    model.num_features = model.head_hidden_size = model.embed_dim
