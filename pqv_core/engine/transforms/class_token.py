"""The last block of a Vision Transformer, worked out only for the tokens that the classifier reads.

A classifier on the class token (ViT, Dosovitskiy et al. 2021, §3.1; DeiT) drops all other tokens behind the last block.
There they are needed as keys and values only: their queries, projections and MLP, some 80 % of that block, are left
out. The logits stay the same.

Sources: ``FirstTokensBlock.forward`` follows ``Block.forward`` of ``timm/models/vision_transformer.py``, and
``FirstTokensAttention.forward`` ``Attention.forward`` of ``timm/layers/attention.py``, both of timm 1.0.31, without
dropout and drop path, which do nothing in eval mode. timm computes one ``qkv`` for all tokens alike: to leave out some
of the queries, it has to become two layers.

Unnecessary once timm's last block can be asked for some of the tokens. A block or attention of any other class is left
as it is (``_tokens_read``).
"""

from __future__ import annotations

import copy

from timm.layers.attention import Attention, maybe_add_mask, resolve_self_attn_mask
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.engine.transforms.merged_tokens import (
    MergedDistilled,
    MergedTransformer,
    MergingAttention,
    MergingBlock,
    counted,
)


def leave_out_unread_tokens(model: nn.Module) -> nn.Module:
    """A copy of ``model`` (in eval mode) whose last block leaves out what nobody reads; else ``model`` itself."""
    tokens = _tokens_read(model)
    if tokens == 0:
        return model
    model = copy.deepcopy(model)
    assert isinstance(model.blocks, nn.Sequential)
    last = model.blocks[-1]
    assert isinstance(last, Block)
    if isinstance(last, MergingBlock):
        model.blocks[-1] = MergingFirstTokensBlock(last, tokens)
    else:
        model.blocks[-1] = FirstTokensBlock(last, tokens)
    return model


def _tokens_read(model: nn.Module) -> int:
    """How many of the first tokens the classifier reads; 0 where it is not only these, or the block is another."""
    if type(model) not in (VisionTransformer, VisionTransformerDistilled, MergedTransformer, MergedDistilled):
        return 0
    assert isinstance(model, VisionTransformer)
    last = model.blocks[-1]
    if model.global_pool != "token" or type(last) not in (Block, MergingBlock):
        return 0
    if type(last.attn) not in (Attention, MergingAttention):
        return 0
    return 2 if isinstance(model, VisionTransformerDistilled) else 1


class FirstTokensBlock(nn.Module):
    """Answers as ``block`` does, (N, L, C) → (N, tokens, C), for the first tokens."""

    def __init__(self, block: Block, tokens: int) -> None:
        super().__init__()
        assert isinstance(block.attn, Attention)
        self.tokens = tokens
        self.norm1, self.attn, self.ls1 = block.norm1, FirstTokensAttention(block.attn, tokens), block.ls1
        self.norm2, self.mlp, self.ls2 = block.norm2, block.mlp, block.ls2

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        read = x[:, : self.tokens]
        read = read + self.ls1(self.attn(self.norm1(x), attn_mask, is_causal))
        return read + self.ls2(self.mlp(self.norm2(read)))


class MergingFirstTokensBlock(FirstTokensBlock):
    """The same where tokens are merged (``merged_tokens.py``): here no more, for nobody reads them."""

    def __init__(self, block: MergingBlock, tokens: int) -> None:
        super().__init__(block, tokens)
        self.counts = block.counts

    def forward(self, x: Tensor, origins: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        bias = counted(origins) if self.counts else None
        read = x[:, : self.tokens]
        read = read + self.ls1(self.attn(self.norm1(x), bias, False))
        return read + self.ls2(self.mlp(self.norm2(read))), origins


class FirstTokensAttention(nn.Module):
    """Answers as ``attention`` does, (N, L, C) → (N, tokens, C), for the first tokens.

    The layer that gave queries, keys and values becomes two below its name, so that what is said of ``qkv`` (to keep
    it in floating point, for instance) holds for both.
    """

    def __init__(self, attention: Attention, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.num_heads, self.head_dim, self.scale = attention.num_heads, attention.head_dim, attention.scale
        self.attn_dim = attention.attn_dim
        self.fused_attn = attention.fused_attn
        self.qkv = nn.ModuleDict(
            {"query": _rows(attention.qkv, 0, self.attn_dim), "rest": _rows(attention.qkv, self.attn_dim, None)}
        )
        self.q_norm, self.k_norm, self.norm = attention.q_norm, attention.k_norm, attention.norm
        self.gate, self.proj = attention.gate, attention.proj

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        n, length, _ = x.shape
        first = x[:, : self.tokens]
        q = self.qkv["query"](first).reshape(n, self.tokens, self.num_heads, self.head_dim).transpose(1, 2)
        rest = self.qkv["rest"](x).reshape(n, length, 2, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        k, v = rest.unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.fused_attn:
            mask = attn_mask if attn_mask is None else attn_mask[..., : self.tokens, :]
            values = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal)
        else:
            weights = (q * self.scale) @ k.transpose(-2, -1)
            mask = resolve_self_attn_mask(length, weights, attn_mask, is_causal)
            if mask is not None:
                mask = mask[..., : self.tokens, :]
            values = maybe_add_mask(weights, mask).softmax(dim=-1) @ v
        values = self.norm(values.transpose(1, 2).reshape(n, self.tokens, self.attn_dim))
        if self.gate is not None:
            values = values * self.gate(first).sigmoid()
        projected: Tensor = self.proj(values)
        return projected


def _rows(layer: nn.Linear, begin: int, end: int | None) -> nn.Linear:
    """The outputs ``begin`` to ``end`` of a layer, as one of its own."""
    weight = layer.weight.detach()[begin:end].clone()
    part = nn.Linear(layer.in_features, len(weight), bias=layer.bias is not None)
    part.weight = nn.Parameter(weight)
    if layer.bias is not None:
        part.bias = nn.Parameter(layer.bias.detach()[begin:end].clone())
    return part
