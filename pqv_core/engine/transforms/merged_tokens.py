"""Plain Vision Transformers that merge tokens between attention and MLP (ToMe, Bolya et al. 2023).

The modules of the model become the classes here, in place, and answer as before as long as nothing is merged; their
weights keep their names. How many tokens are left in each block depends on the settings alone, never on the image, so
that all shapes are fixed.

Sources: the forwards follow ``Block`` in ``timm/models/vision_transformer.py`` and ``timm/layers/attention.py``, both
of timm 1.0.31, without masks. TorchScript compiles these classes, so they hold nothing that it does not know, and
annotations that it can read.
"""

import copy
from typing import cast

import torch
from pydantic import BaseModel, ConfigDict
from timm.layers.attention import Attention
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.engine.transforms.token_merging import ProductMerging, TokenMerging
from pqv_core.errors import ModelError


class Merging(BaseModel):
    """What is done to a model: part of its recipe.

    Attributes:
        merged: Tokens that each block merges away.
        proportional: Attention counts a merged token as often as tokens are in it.
    """

    model_config = ConfigDict(frozen=True)

    merged: tuple[int, ...]
    proportional: bool = True


def obstacle(model: nn.Module) -> str:
    """Why a model cannot merge tokens, as the end of a sentence; empty when it can."""
    if type(model) not in (*_MERGED, *_MERGED.values()):
        return f"{type(model).__name__} is no plain Vision Transformer (ViT, DeiT, DeiT III)"
    assert isinstance(model, VisionTransformer)
    for block in model.blocks:
        if type(block) not in (Block, MergingBlock) or type(block.attn) not in (Attention, MergingAttention):
            return f"its blocks are of another kind ({type(getattr(block, 'attn', block)).__name__})"
    if model.dynamic_img_size or not isinstance(model.patch_drop, nn.Identity):
        return "its number of tokens is not fixed"
    return ""


def size(model: nn.Module) -> tuple[int, int]:
    """Tokens of an image, without prefix tokens, and blocks.

    Raises:
        ModelError: The model cannot merge tokens.
    """
    plain = _able(model)
    return plain.patch_embed.num_patches, len(plain.blocks)


def gives_all_features(model: nn.Module) -> bool:
    """Whether its last features are of all tokens where some are merged: what pools over all gets each one back.

    Args:
        model: One that can merge tokens.
    """
    plain = _able(model)
    return plain.global_pool != "token" or plain.attn_pool is not None


def _able(model: nn.Module) -> VisionTransformer:
    if why_not := obstacle(model):
        raise ModelError(f"Tokens cannot be merged: {why_not}.", action="Merge none, or choose another model.")
    assert isinstance(model, VisionTransformer)
    return model


def merge(model: nn.Module, merging: Merging) -> None:
    """Let a model merge tokens, in place; one that does already merges as is said now.

    Raises:
        ModelError: It cannot, or not so many.
    """
    model = _able(model)
    if len(merging.merged) != len(model.blocks):
        raise ModelError(
            f"There are {len(merging.merged)} numbers of tokens to merge for {len(model.blocks)} blocks.",
            action="Give one for each block.",
        )
    undo(model)
    prefix, tokens = model.num_prefix_tokens, model.num_prefix_tokens + model.patch_embed.num_patches
    model.blocks.__class__ = MergedBlocks
    cast(MergedBlocks, model.blocks).begin(tokens, reads_all=gives_all_features(model))
    several = False
    for block, merged in zip(model.blocks, merging.merged, strict=True):
        if not 0 <= merged <= (tokens - prefix) // 2:
            raise ModelError(f"{merged} of {tokens} tokens cannot be merged.", action="At most half of them can be.")
        block.__class__, block.attn.__class__ = MergingBlock, MergingAttention
        cast(MergingBlock, block).begin(merged, prefix, counts=merging.proportional and several)
        several, tokens = several or merged > 0, tokens - merged
    model.__class__ = cast(type[VisionTransformer], _MERGED[type(model)])


def undo(model: nn.Module) -> None:
    """Let a model keep all its tokens, in place; weights stay."""
    if merging_of(model) is None:
        return
    assert isinstance(model, VisionTransformer)
    for block in model.blocks:
        del block.merging, block.merged, block.counts
        block.__class__, block.attn.__class__ = Block, Attention
    del model.blocks.origins, model.blocks.reads_all
    model.blocks.__class__ = nn.Sequential
    model.__class__ = type(model).__bases__[0]


def without(model: nn.Module) -> nn.Module:
    """A copy of a model that keeps all its tokens."""
    whole = copy.deepcopy(model)
    undo(whole)
    return whole


def merging_of(model: nn.Module) -> Merging | None:
    """How a model merges tokens; None where it keeps all."""
    blocks = getattr(model, "blocks", None)
    if not isinstance(blocks, MergedBlocks):
        return None
    merged = tuple(cast(MergingBlock, block).merged for block in blocks)
    several = [any(merged[:place]) for place in range(len(merged))]
    plain = any(after and not block.counts for after, block in zip(several, blocks, strict=True))
    return Merging(merged=merged, proportional=not plain)


def merge_by_products(model: nn.Module) -> None:
    """Write the merging of tokens in the form that XNNPACK computes, in place."""
    blocks = getattr(model, "blocks", None)
    if not isinstance(blocks, MergedBlocks):
        return
    tokens = blocks.origins.shape[1]
    for block in blocks:
        merging = getattr(block, "merging", None)
        if isinstance(merging, TokenMerging):
            block.merging = ProductMerging(merging, tokens)
            tokens -= merging.merged


class MergedTransformer(VisionTransformer):
    """The model; it takes no masks."""

    def forward_features(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        x = self.norm_pre(self.patch_drop(self._pos_embed(self.patch_embed(x))))
        return self.norm(self.blocks(x))


class MergedDistilled(VisionTransformerDistilled):
    """The same with two classifiers."""

    forward_features = MergedTransformer.forward_features


_MERGED: dict[type[nn.Module], type[nn.Module]] = {
    VisionTransformer: MergedTransformer,
    VisionTransformerDistilled: MergedDistilled,
}


class MergedBlocks(nn.Sequential):
    """The blocks, (N, tokens, C) → (N, tokens that are left, C).

    What pools over all tokens (means, attention pooling) gets each one back, with the values of that into which it was
    merged, and so counts it as often as it was there.
    """

    origins: Tensor
    reads_all: bool

    def begin(self, tokens: int, *, reads_all: bool) -> None:
        """Note how many tokens come in, and whether all are read in the end."""
        self.reads_all = reads_all
        origins = torch.eye(tokens).unsqueeze(0) if reads_all else torch.ones(1, tokens, 1)
        self.register_buffer("origins", origins, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        origins = self.origins.expand(x.shape[0], -1, -1)
        for block in self:
            x, origins = block(x, origins)
        if self.reads_all:
            x = origins.transpose(1, 2) @ x
        return x


class MergingBlock(Block):
    """A block that merges tokens between attention and MLP.

    Attributes:
        counts: Attention counts a merged token as often as tokens are in it.
        merged: How many tokens go.
    """

    counts: bool
    merged: int

    def begin(self, merged: int, prefix: int, *, counts: bool) -> None:
        """Note how many tokens go."""
        self.merged, self.counts = merged, counts
        self.merging = TokenMerging(merged, prefix) if merged else None

    def forward(self, x: Tensor, origins: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Tokens, and which of the first tokens are in them: (N, tokens, 1 or first tokens), or how many."""
        values, keys = self.attn(self.norm1(x), counted(origins) if self.counts else None)
        x = x + self.drop_path1(self.ls1(values))
        if self.merging is not None:
            sums = torch.cat([x * origins.sum(dim=-1, keepdim=True), origins], dim=-1)
            sums = self.merging(sums, keys)
            x, origins = sums[..., : x.shape[-1]], sums[..., x.shape[-1] :]
            x = x / origins.sum(dim=-1, keepdim=True)
        return x + self.drop_path2(self.ls2(self.mlp(self.norm2(x)))), origins


def counted(origins: Tensor) -> Tensor:
    """What is added to scores so that a token counts as often as tokens are in it, of shape (N, 1, 1, tokens)."""
    return origins.sum(dim=-1).log().unsqueeze(1).unsqueeze(1)


class MergingAttention(Attention):
    """Gives the keys, averaged over heads, along with its values."""

    def forward(self, x: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """(N, tokens, C) → (N, tokens, C) and (N, tokens, channels of a head); ``bias`` is added to scores."""
        n, length, _ = x.shape
        gate = self.gate(x).sigmoid() if self.gate is not None else None
        packed = self.qkv(x).reshape(n, length, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        query, key, value = packed.unbind(0)
        query, key = self.q_norm(query), self.k_norm(key)
        if self.fused_attn:
            drop = self.attn_drop.p if self.training else 0.0
            values = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=drop)
        else:
            scores = (query * self.scale) @ key.transpose(-2, -1)
            if bias is not None:
                scores = scores + bias
            values = self.attn_drop(scores.softmax(dim=-1)) @ value
        values = self.norm(values.transpose(1, 2).reshape(n, length, self.attn_dim))
        if gate is not None:
            values = values * gate
        return self.proj_drop(self.proj(values)), key.mean(dim=1)
