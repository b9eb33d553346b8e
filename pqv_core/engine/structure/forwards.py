"""Attention of timm whose heads together are not as wide as the embedding.

Many of timm's attention classes take the width of their heads from that of their tokens. Once heads or some of their
channels are cut, the two differ. The classes here answer as timm's do, but take that width from their own layers; a
module becomes one of them (``free_head_width``) when it is cut, and again when it is rebuilt from a checkpoint. Weights
keep their names. TorchScript compiles these classes, so they hold nothing that it does not know.

Source: each ``forward`` follows that of its base class, ``timm/models/<module>.py``, as of timm 1.0.31. The comment
above it says what had to be another: ``C``, the width of the tokens, decides the result's shape there ("joins to C"),
and often the head's as well ("splits by C // heads").

Unnecessary, class by class, once timm takes both from the attention's own layers, as its ``timm/layers/attention.py``
does with ``attn_dim`` and ``head_dim``: then the class and its entry in ``_FREE`` go. Until then,
``tests/unit/engine/structure/test_heads.py`` compares each with timm's.
"""

import math

import torch
from timm.layers.pos_embed_sincos import apply_rot_embed_cat
from timm.models import (
    beit,
    cait,
    convit,
    crossvit,
    davit,
    edgenext,
    eva,
    fastvit,
    gcvit,
    metaformer,
    nest,
    nextvit,
    pvt_v2,
    swin_transformer_v2,
    swin_transformer_v2_cr,
    twins,
    vision_transformer_relpos,
    volo,
    xcit,
)
from torch import Tensor, nn
from torch.nn import functional


def attend(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, fused: bool, scale: float, drop: float
) -> Tensor:
    """Attention over the last but one dimension, each (…, tokens, channels of a head); ``bias`` is added to scores."""
    if fused:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=drop)
    scores = (query * scale) @ key.transpose(-2, -1)
    if bias is not None:
        scores = scores + bias
    return functional.dropout(scores.softmax(dim=-1), drop, drop > 0.0) @ value


def covariance(query: Tensor, key: Tensor, value: Tensor, temperature: Tensor, drop: float) -> Tensor:
    """Cross-covariance attention (El-Nouby et al. 2021, §3.2), each (…, channels of a head, tokens)."""
    query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
    weights = (query @ key.transpose(-2, -1) * temperature).softmax(dim=-1)
    return functional.dropout(weights, drop, drop > 0.0) @ value


def parted(tensor: Tensor, dim: int, sizes: list[int]) -> Tensor:
    """One dimension as several."""
    place = dim % tensor.dim()
    return tensor.reshape(list(tensor.shape[:place]) + list(sizes) + list(tensor.shape[place + 1 :]))


def split(packed: Tensor, sets: int, heads: int) -> Tensor:
    """(…, tokens, sets · heads · channels) → (sets, …, heads, tokens, channels)."""
    parts = parted(packed, -1, [sets, heads, -1])
    return parts.movedim(-3, 0).transpose(-3, -2)


def joined(values: Tensor) -> Tensor:
    """(…, heads, tokens, channels) → (…, tokens, heads · channels)."""
    return values.transpose(-3, -2).flatten(-2)


class BiasesApart(nn.Module):
    """Queries, keys and values of one layer, whose biases may be parameters of their own.

    So begin the forwards of timm's ``beit.Attention``, ``eva.EvaAttention``, ``swin_transformer_v2.WindowAttention``.
    """

    def packed(self, x: Tensor) -> Tensor:
        """(…, tokens, C) → (…, tokens, 3 · heads · channels)."""
        if self.q_bias is None:
            return self.qkv(x)
        biases = torch.cat((self.q_bias, self.k_bias, self.v_bias))  # type: ignore[arg-type]
        if self.qkv_bias_separate:
            return self.qkv(x) + biases  # type: ignore[operator]
        weight = self.qkv.weight  # type: ignore[union-attr]
        return functional.linear(x, weight, biases)  # type: ignore[arg-type]


class BeitAttention(beit.Attention, BiasesApart):
    """BEiT, with biases of queries and values apart and a table of relative positions."""

    # timm beit.Attention.forward joins to C.
    def forward(self, x: Tensor, shared_rel_pos_bias: Tensor | None = None) -> Tensor:
        query, key, value = split(self.packed(x), 3, self.num_heads).unbind(0)
        bias = shared_rel_pos_bias
        if self.relative_position_bias_table is not None:
            own = self._get_rel_pos_bias()
            bias = own if bias is None else own + bias
        drop = self.attn_drop.p if self.training else 0.0
        values = attend(query, key, value, bias, self.fused_attn, self.scale, drop)
        return self.proj_drop(self.proj(joined(values)))


class CaitClassAttention(cait.ClassAttn):
    """The class token attends to all."""

    # timm cait.ClassAttn.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query = split(self.q(x[:, :1]), 1, self.num_heads)[0]
        key = split(self.k(x), 1, self.num_heads)[0]
        value = split(self.v(x), 1, self.num_heads)[0]
        drop = self.attn_drop.p if self.training else 0.0
        values = attend(query, key, value, None, self.fused_attn, self.scale, drop)
        return self.proj_drop(self.proj(joined(values)))


class CaitTalkingHeads(cait.TalkingHeadAttn):
    """Heads are mixed before and after the softmax."""

    # timm cait.TalkingHeadAttn.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        scores = (query * self.scale) @ key.transpose(-2, -1)
        weights = self.proj_l(scores.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).softmax(dim=-1)
        weights = self.attn_drop(self.proj_w(weights.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return self.proj_drop(self.proj(joined(weights @ value)))


class ConvitGated(convit.GPSA):
    """Gated positional self-attention (d'Ascoli et al. 2021, §3)."""

    # timm convit.GPSA.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        tokens = x.shape[1]
        if self.rel_indices is None or self.rel_indices.shape[1] != tokens:
            self.rel_indices = self.get_rel_indices(tokens)
        weights = self.get_attention(x)
        value = split(self.v(x), 1, self.num_heads)[0]
        return self.proj_drop(self.proj(joined(weights @ value)))

    def get_attention(self, x: Tensor) -> Tensor:
        query, key = split(self.qk(x), 2, self.num_heads).unbind(0)
        content = (query @ key.transpose(-2, -1) * self.scale).softmax(dim=-1)
        position = self.pos_proj(self.rel_indices.expand(x.shape[0], -1, -1, -1)).permute(0, 3, 1, 2).softmax(dim=-1)
        gate = torch.sigmoid(self.gating_param.view(1, -1, 1, 1))
        weights = (1.0 - gate) * content + gate * position
        return self.attn_drop(weights / weights.sum(dim=-1, keepdim=True))


class ConvitAttention(convit.MHSA):
    """Plain."""

    # timm convit.MHSA.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        return self.proj_drop(self.proj(joined(attend(query, key, value, None, False, self.scale, drop))))


class CrossAttention(crossvit.CrossAttention):
    """The first token attends to all."""

    # timm crossvit.CrossAttention.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query = split(self.wq(x[:, :1]), 1, self.num_heads)[0]
        key = split(self.wk(x), 1, self.num_heads)[0]
        value = split(self.wv(x), 1, self.num_heads)[0]
        drop = self.attn_drop.p if self.training else 0.0
        return self.proj_drop(self.proj(joined(attend(query, key, value, None, False, self.scale, drop))))


class DavitChannels(davit.ChannelAttention):
    """Channels of a head attend to each other."""

    # timm davit.ChannelAttention.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        weights = ((key * self.scale).transpose(-1, -2) @ value).softmax(dim=-1)
        return self.proj(joined((weights @ query.transpose(-1, -2)).transpose(-1, -2)))


class DavitChannelsV2(davit.ChannelAttentionV2):
    """Channels of a head attend to each other, scaled by the number of tokens."""

    # timm davit.ChannelAttentionV2.forward splits by C // groups and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.groups).unbind(0)
        query = query * (x.shape[1] ** -0.5 if self.dynamic_scale else self.head_dim**-0.5)
        weights = (query.transpose(-1, -2) @ key).softmax(dim=-1)
        return self.proj(joined((weights @ value.transpose(-1, -2)).transpose(-1, -2)))


class DavitWindow(davit.WindowAttention):
    """Plain, inside windows."""

    # timm davit.WindowAttention.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        return self.proj(joined(attend(query, key, value, None, self.fused_attn, self.scale, 0.0)))


class EdgeCovariance(edgenext.CrossCovarianceAttn):
    """Channels of a head attend to each other."""

    # timm edgenext.CrossCovarianceAttn.forward joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).transpose(-2, -1).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        values = covariance(query, key, value, self.temperature, drop)
        return self.proj_drop(self.proj(joined(values.transpose(-2, -1))))


class EvaAttention(eva.EvaAttention, BiasesApart):
    """With rotary positions, and optionally norms and a gate."""

    # timm eva.EvaAttention.forward joins to C.
    def forward(
        self, x: Tensor, rope: Tensor | None = None, attn_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        assert not is_causal
        if self.qkv is None:
            query = split(self.q_proj(x), 1, self.num_heads)[0]
            key = split(self.k_proj(x), 1, self.num_heads)[0]
            value = split(self.v_proj(x), 1, self.num_heads)[0]
        else:
            query, key, value = split(self.packed(x), 3, self.num_heads).unbind(0)
        query, key = self.q_norm(query), self.k_norm(key)
        if rope is not None:
            first = self.num_prefix_tokens
            query = rotated(query, rope, first, self.rotate_half).type_as(value)
            key = rotated(key, rope, first, self.rotate_half).type_as(value)
        drop = self.attn_drop.p if self.training else 0.0
        values = self.norm(joined(attend(query, key, value, attn_mask, self.fused_attn, self.scale, drop)))
        if self.gate is not None:
            values = values * self.gate(x).sigmoid()
        return self.proj_drop(self.proj(values))


def rotated(heads: Tensor, rope: Tensor, first: int, half: bool) -> Tensor:
    """All tokens from ``first`` on turned by their positions."""
    return torch.cat([heads[:, :, :first], apply_rot_embed_cat(heads[:, :, first:], rope, half=half)], dim=2)


class FastvitAttention(fastvit.Attention):
    """Plain, (N, C, H, W)."""

    # timm fastvit.Attention.forward joins to C.
    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        query, key, value = split(self.qkv(x.flatten(2).transpose(-2, -1)), 3, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        values = joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))
        return parted(self.proj_drop(self.proj(values)).transpose(-2, -1), -1, [height, width])


class GcvitLocal(gcvit.WindowAttentionGlobal):
    """Queries of the window itself."""

    # timm gcvit.WindowAttentionGlobal.forward joins to C.
    def forward(self, x: Tensor, q_global: Tensor | None = None) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        weights = self.rel_pos((query * self.scale) @ key.transpose(-2, -1).contiguous()).softmax(dim=-1)
        return self.proj_drop(self.proj(joined(self.attn_drop(weights) @ value)))


class MetaformerAttention(metaformer.Attention):
    """Plain."""

    # timm metaformer.Attention.forward joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        return self.proj_drop(self.proj(joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))))


class NestAttention(nest.Attention):
    """Inside blocks, (N, blocks, tokens, C); the projection takes the heads' values interleaved."""

    # timm nest.Attention.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        values = attend(query, key, value, None, self.fused_attn, self.scale, drop)
        return self.proj_drop(self.proj(values.permute(0, 1, 3, 4, 2).flatten(-2)))


class NextAttention(nextvit.EfficientAttention):
    """Keys and values of averaged tokens."""

    # timm nextvit.EfficientAttention.forward joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query = split(self.q(x), 1, self.num_heads)[0]
        if self.sr is not None:
            x = self.norm(self.sr(x.transpose(1, 2))).transpose(1, 2)
        key = split(self.k(x), 1, self.num_heads)[0]
        value = split(self.v(x), 1, self.num_heads)[0]
        drop = self.attn_drop.p if self.training else 0.0
        return self.proj_drop(self.proj(joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))))


class PvtAttention(pvt_v2.Attention):
    """Keys and values of fewer tokens, by a convolution or a pooling."""

    # timm pvt_v2.Attention.forward joins to C.
    def forward(self, x: Tensor, feat_size: list[int]) -> Tensor:
        query = split(self.q(x), 1, self.num_heads)[0]
        if self.pool is not None:
            image = parted(x.transpose(1, 2), -1, feat_size)
            x = self.act(self.norm(self.sr(self.pool(image)).flatten(2).transpose(1, 2)))  # type: ignore[misc]
        elif self.sr is not None:
            x = self.norm(self.sr(parted(x.transpose(1, 2), -1, feat_size)).flatten(2).transpose(1, 2))
        key, value = split(self.kv(x), 2, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        return self.proj_drop(self.proj(joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))))


class RelPosAttention(vision_transformer_relpos.RelPosAttention):
    """With relative positions, own or shared by all blocks."""

    # timm vision_transformer_relpos.RelPosAttention.forward joins to C.
    def forward(self, x: Tensor, shared_rel_pos: Tensor | None = None) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        bias = shared_rel_pos
        if self.rel_pos is not None:
            bias = self.rel_pos.get_bias()  # type: ignore[operator]
        drop = self.attn_drop.p if self.training else 0.0
        values = attend(self.q_norm(query), self.k_norm(key), value, bias, self.fused_attn, self.scale, drop)
        return self.proj_drop(self.proj(joined(values)))


class SwinV2Attention(swin_transformer_v2.WindowAttention, BiasesApart):
    """Scaled cosine attention with continuous relative positions (Liu et al. 2022, §3)."""

    # timm swin_transformer_v2.WindowAttention.forward joins to C.
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        query, key, value = split(self.packed(x), 3, self.num_heads).unbind(0)
        scores = functional.normalize(query, dim=-1) @ functional.normalize(key, dim=-1).transpose(-2, -1)
        scores = scores * torch.clamp(self.logit_scale, max=math.log(100.0)).exp()
        table = self.cpb_mlp(self.relative_coords_table).view(-1, self.num_heads)
        tokens = x.shape[1]
        places = self.relative_position_index.view(-1)  # type: ignore[operator]
        bias = table[places].view(tokens, tokens, -1).permute(2, 0, 1).contiguous()
        scores = masked(scores + (16 * torch.sigmoid(bias)).unsqueeze(0), mask)
        return self.proj_drop(self.proj(joined(self.attn_drop(self.softmax(scores)) @ value)))


def masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores (images · windows, heads, tokens, tokens) with a mask (windows, tokens, tokens) added."""
    if mask is None:
        return scores
    by_window = parted(scores, 0, [-1, mask.shape[0]]) + mask.unsqueeze(1).unsqueeze(0)
    return by_window.flatten(0, 1)


class SwinV2CrAttention(swin_transformer_v2_cr.WindowMultiHeadAttention):
    """The same, with positions from a network of another form."""

    # timm swin_transformer_v2_cr.WindowMultiHeadAttention.forward splits by C // heads.
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).unbind(0)
        scores = functional.normalize(query, dim=-1) @ functional.normalize(key, dim=-1).transpose(-2, -1)
        scale = torch.clamp(self.logit_scale.view(1, -1, 1, 1), max=math.log(100.0)).exp()
        scores = masked(scores * scale + self._relative_positional_encodings(), mask)
        return self.proj_drop(self.proj(joined(self.attn_drop(scores.softmax(dim=-1)) @ value)))


class TwinsGlobal(twins.GlobalSubSampleAttn):
    """Keys and values of fewer tokens."""

    # timm twins.GlobalSubSampleAttn.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        query = split(self.q(x), 1, self.num_heads)[0]
        if self.sr is not None:
            image = parted(x.transpose(1, 2), -1, [size[0], size[1]])
            x = self.norm(self.sr(image).flatten(2).transpose(1, 2))
        key, value = split(self.kv(x), 2, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        return self.proj_drop(self.proj(joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))))


class TwinsLocal(twins.LocallyGroupedAttn):
    """Inside windows; what is missing in the last ones is zero."""

    # timm twins.LocallyGroupedAttn.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = size
        side = self.ws
        below, right = -height % side, -width % side
        image = functional.pad(parted(x, 1, [height, width]), (0, 0, 0, right, 0, below))
        windows = parted(parted(image, 2, [-1, side]), 1, [-1, side]).transpose(2, 3)
        rows, columns = windows.shape[1:3]
        query, key, value = split(self.qkv(windows.flatten(3, 4).flatten(1, 2)), 3, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        values = joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))
        image = parted(parted(values, 2, [side, side]), 1, [rows, columns]).transpose(2, 3)
        image = image.flatten(3, 4).flatten(1, 2)[:, :height, :width]
        return self.proj_drop(self.proj(image.flatten(1, 2)))


class VoloAttention(volo.Attention):
    """Plain, (N, H, W, C)."""

    # timm volo.Attention.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        query, key, value = split(self.qkv(x.flatten(1, 2)), 3, self.num_heads).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        values = joined(attend(query, key, value, None, self.fused_attn, self.scale, drop))
        return parted(self.proj_drop(self.proj(values)), 1, [height, width])


class VoloOutlook(volo.OutlookAttention):
    """Each place gives weights for its surroundings (Yuan et al. 2021, §3.1), (N, H, W, C)."""

    # timm volo.OutlookAttention.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        area = self.kernel_size * self.kernel_size
        value = self.unfold(self.v(x).permute(0, 3, 1, 2))
        value = parted(value, 1, [self.num_heads, -1, area]).permute(0, 1, 4, 3, 2)
        weights = self.attn(self.pool(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)).flatten(1, 2)
        weights = parted(weights, -1, [self.num_heads, area, area]).permute(0, 2, 1, 3, 4) * self.scale
        values = (self.attn_drop(weights.softmax(dim=-1)) @ value).permute(0, 1, 4, 3, 2).flatten(1, 3)
        image = functional.fold(values, (height, width), self.kernel_size, padding=self.padding, stride=self.stride)
        return self.proj_drop(self.proj(image.permute(0, 2, 3, 1)))


class XcitCovariance(xcit.XCA):
    """Channels of a head attend to each other."""

    # timm xcit.XCA.forward splits by C // heads and joins to C.
    def forward(self, x: Tensor) -> Tensor:
        query, key, value = split(self.qkv(x), 3, self.num_heads).transpose(-2, -1).unbind(0)
        drop = self.attn_drop.p if self.training else 0.0
        values = covariance(query, key, value, self.temperature, drop)
        return self.proj_drop(self.proj(joined(values.transpose(-2, -1))))


_FREE: dict[type[nn.Module], type[nn.Module]] = {
    kind.__bases__[0]: kind
    for kind in (
        *(BeitAttention, CaitClassAttention, CaitTalkingHeads, ConvitAttention, ConvitGated, CrossAttention),
        *(DavitChannels, DavitChannelsV2, DavitWindow, EdgeCovariance, EvaAttention, FastvitAttention, GcvitLocal),
        *(MetaformerAttention, NestAttention, NextAttention, PvtAttention, RelPosAttention, SwinV2Attention),
        *(SwinV2CrAttention, TwinsGlobal, TwinsLocal, VoloAttention, VoloOutlook, XcitCovariance),
    )
}


def free_head_width(module: nn.Module) -> None:
    """Let the heads of an attention be as wide as its layers say, in place; others stay as they are."""
    # The class of this very object is changed: a new one would have to be given all that timm's constructor made
    # (tables of positions, norms, caches), and put into its parent. The classes above add no attributes, so nothing is
    # missing, and are subclasses of timm's, so ``isinstance`` answers as before. Unnecessary together with them.
    module.__class__ = _FREE.get(type(module), type(module))


def timm_class(kind: type[nn.Module]) -> type[nn.Module]:
    """The class of timm that a class here stands for, or itself."""
    return kind.__bases__[0] if kind in _FREE.values() else kind
