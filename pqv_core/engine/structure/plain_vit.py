"""What can be cut in timm's plain Vision Transformers (``vit_*``, ``deit_*``, ``deit3_*``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import torch
from timm.layers.attention import Attention
from timm.layers.attention_pool import AttentionPoolLatent
from timm.layers.mlp import GluMlp, Mlp, SwiGLU
from timm.models.vision_transformer import ParallelThingsBlock, VisionTransformer
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.engine.structure.widths import Width, smallest
from pqv_core.errors import PruneError
from pqv_core.widths import kept_heads, kept_width


def widths(model: nn.Module, config: PruneConfig) -> Iterator[Width]:
    """The widths of a plain ViT that ``config`` allows to be cut and that become smaller at its ratio.

    Raises:
        PruneError: The model is of another kind, or has parts that cannot be cut.
    """
    assert isinstance(model, VisionTransformer)
    modules = dict(model.named_modules())
    for name, module in modules.items():
        if config.mlp and isinstance(module, Mlp | SwiGLU | GluMlp) and name.startswith("blocks."):
            yield from _mlp(name, module, config)
        if config.attention and isinstance(module, Attention):
            yield from _attention(name, module, config)
    if config.embedding:
        yield from _embedding(model, config)


def supports(model: nn.Module) -> str:
    """Why a model cannot be cut; empty when it can."""
    if not isinstance(model, VisionTransformer):
        return "it is no plain Vision Transformer"
    kinds = {type(block).__name__ for block in model.blocks}
    if not kinds <= {"Block", "ResPostBlock", "ParallelThingsBlock"}:
        return f"its blocks ({', '.join(sorted(kinds))}) compute attention and MLP in one layer"
    attentions = {type(attention).__name__ for attention in _attentions(model)}
    if not attentions <= {"Attention"}:
        return f"its attention is of another kind ({', '.join(sorted(attentions))})"
    return ""


def _attentions(model: VisionTransformer) -> Iterator[nn.Module]:
    for block in model.blocks:
        if isinstance(block, ParallelThingsBlock):
            yield from (cast(nn.Module, part.attn) for part in block.attns)
        else:
            yield cast(nn.Module, block.attn)


def _mlp(name: str, mlp: Mlp | SwiGLU | GluMlp, config: PruneConfig) -> Iterator[Width]:
    """The hidden width: inputs of the second layer, and what feeds them."""
    second = cast(nn.Linear, mlp.fc2)
    hidden = second.in_features
    kept = kept_width(hidden, ratio=config.ratio, round_to=config.round_to)
    packed = isinstance(mlp, GluMlp)  # one layer gives gates and values, one after the other
    if kept < hidden:
        yield Width(
            kind="mlp",
            name=f"{name}.fc2",
            root=second,
            side="in",
            channels=hidden,
            choose=partial(smallest, count=hidden - kept),
            separate=(cast(nn.Module, mlp.fc1),) if packed else (),
            after=partial(_narrow_packed, cast(nn.Linear, mlp.fc1), hidden) if packed else lambda cut: None,
        )


def _narrow_packed(layer: nn.Linear, hidden: int, cut: list[int]) -> None:
    """Cut the same channels of both halves of a gated MLP's first layer."""
    gone = set(cut)
    remaining = [half + index for half in (0, hidden) for index in range(hidden) if index not in gone]
    layer.weight = nn.Parameter(layer.weight.data[remaining].clone())
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias.data[remaining].clone())
    layer.out_features = len(remaining)


def _attention(name: str, attention: Attention, config: PruneConfig) -> Iterator[Width]:
    """The inputs of the projection: the heads' values, and their queries and keys with them."""
    heads, dim = attention.num_heads, attention.head_dim
    normed = not isinstance(attention.q_norm, nn.Identity)
    choose: Callable[[Tensor], list[int]]
    after: Callable[[list[int]], None]
    if config.attention_unit == "heads":
        kept = kept_heads(heads, ratio=config.ratio)
        smaller = kept < heads
        choose, after = partial(_whole_heads, heads=heads, kept=kept), partial(_drop_heads, attention, kept)
    else:
        kept = kept_width(dim, ratio=config.ratio, round_to=config.round_to)
        smaller = kept < dim
        choose = partial(_inside_heads, heads=heads, kept=kept, alike=normed)
        after = partial(_narrow_heads, attention, kept)
    if smaller:
        yield Width(
            kind="attention",
            name=f"{name}.proj",
            root=attention.proj,
            side="in",
            channels=heads * dim,
            choose=choose,
            separate=(attention.q_norm, attention.k_norm),
            after=after,
        )


def _whole_heads(scores: Tensor, *, heads: int, kept: int) -> list[int]:
    grid = torch.arange(scores.numel()).view(heads, -1)
    cut = smallest(scores.view(heads, -1).sum(1), heads - kept)
    return [int(index) for index in grid[cut].flatten()]


def _inside_heads(scores: Tensor, *, heads: int, kept: int, alike: bool) -> list[int]:
    """The weakest channels of each head; the same ones in all heads where they share a norm."""
    by_head = scores.view(heads, -1)
    if alike:
        by_head = by_head.sum(0, keepdim=True).expand(heads, -1)
    dim = by_head.shape[1]
    return [head * dim + index for head, row in enumerate(by_head) for index in smallest(row, dim - kept)]


def _drop_heads(attention: Attention, kept: int, cut: list[int]) -> None:
    attention.num_heads = kept
    attention.attn_dim = kept * attention.head_dim


def _narrow_heads(attention: Attention, kept: int, cut: list[int]) -> None:
    """Put right what the head's width decides.

    The products of queries and keys stay scaled as they were trained. Fused attention always divides by √width, so
    the difference goes into the queries: into their norm's weights where there is one, else into their own.
    """
    before = attention.head_dim
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


def _embedding(model: VisionTransformer, config: PruneConfig) -> Iterator[Width]:
    """The width of the tokens: outputs of the patch projection, and everything that they pass through."""
    if isinstance(model.attn_pool, AttentionPoolLatent):
        raise PruneError(
            "The embedding of this model cannot be cut: its attention pooling mixes heads and embedding.",
            action="Cut the MLPs and the attention only.",
        )
    projection = model.patch_embed.proj
    if not isinstance(projection, nn.Conv2d | nn.Linear):
        raise PruneError(
            "The embedding of this model cannot be cut: a convolutional stem comes before its patches.",
            action="Cut the MLPs and the attention only.",
        )
    kept = kept_width(model.embed_dim, ratio=config.ratio, round_to=config.round_to)
    if kept < model.embed_dim:
        yield Width(
            kind="embedding",
            name="patch_embed.proj",
            root=projection,
            side="out",
            channels=model.embed_dim,
            choose=partial(smallest, count=model.embed_dim - kept),
            after=partial(_narrow_embedding, model, kept),
        )


def _narrow_embedding(model: VisionTransformer, kept: int, cut: list[int]) -> None:
    model.embed_dim = kept
    model.num_features = kept
    model.head_hidden_size = kept
