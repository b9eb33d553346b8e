"""Where the heads are in each attention class of timm: one row a class.

Everything that a head is made of lies inside its own module: rows of the layers that make queries, keys and values,
columns of the projection that takes the values, and entries of tables of positions, scales and mixing matrices. Of an
attention that multiplies queries by keys over a head's channels, single channels can be cut, too; others (rotary
positions, keys and values of another width, covariances of channels) lose heads only.

Source: ``__init__`` and ``forward`` of each class, by its key in ``ROWS`` (``models.beit.Attention`` is in
``timm/models/beit.py``), as of timm 1.0.31. In which order heads lie in a layer, names and shapes do not tell. A row is
unnecessary once the class itself says where its heads are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class AttentionRow:
    """Where the heads of one class are.

    Attributes:
        inputs: Layers whose outputs are the heads', by name: how many sets of heads lie there one after the other (3 in
            packed queries, keys and values). 1 where what a head has stays together. The queries come first.
        proj: Layer that takes the heads' values.
        heads: Name of the number of heads.
        head_width: Names of the width of a head.
        all_heads: Names of widths of all heads, and of other numbers that go with the heads.
        by_head: Parameters with entries for each head, and along which dimension.
        by_channel: Parameters with an entry for each channel of the heads.
        positions: Modules of ``timm.layers.pos_embed_rel``.
        norms: Norms of one head's channels.
        packed: Name of what says that an input of 3 sets has those of a head together.
        interleaved: The projection takes the first channel of every head, then the second, …
        narrow: Single channels can be cut, the same ones of queries, keys and values.
        whole: Whether heads can be cut; they cannot where something outside of the module counts them.
        holds: Whether an instance is meant at all.
    """

    inputs: tuple[tuple[str, int], ...] = (("qkv", 3),)
    proj: str = "proj"
    heads: str = "num_heads"
    head_width: tuple[str, ...] = ()
    all_heads: tuple[str, ...] = ()
    by_head: tuple[tuple[str, int], ...] = ()
    by_channel: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    packed: str = ""
    interleaved: bool = False
    narrow: bool = True
    whole: Callable[[Any], bool] = lambda module: True
    holds: Callable[[Any], bool] = lambda module: True


_APART = ("q_bias", "k_bias", "v_bias")
_NORMS = ("q_norm", "k_norm")
_SEPARATE = (("q", 1), ("k", 1), ("v", 1))
_BIASES = (("attention_biases", 0),)


def _mixing(*names: str) -> tuple[tuple[str, int], ...]:
    """Layers that mix the heads."""
    places = (("weight", 0), ("weight", 1), ("bias", 0))
    return tuple((f"{name}.{part}", dimension) for name in names for part, dimension in places)


def _normed(*names: str) -> tuple[tuple[str, int], ...]:
    """Convolutions with batch norms."""
    return tuple((f"{name}.{part}", 1) for name in names for part in ("conv", "bn"))


def _has_positions(module: Any) -> bool:
    return module.rel_pos is not None


# Keys and values of widths of their own.
_KEYED = AttentionRow(inputs=(("qkv", 1),), by_head=_BIASES, narrow=False)
_LEVIT = replace(_KEYED, proj="proj.ln.linear", all_heads=("key_attn_dim", "val_attn_dim"))
_FORMER = replace(_KEYED, proj="proj.conv", all_heads=("dh",))
_ROTARY = AttentionRow(
    inputs=(("qkv", 3), ("q_proj", 1), ("k_proj", 1), ("v_proj", 1), ("gate", 1)),
    by_channel=(*_APART, "norm.weight", "norm.bias"),
    narrow=False,
)
_RELATIVE = AttentionRow(positions=("rel_pos",), whole=_has_positions)

# Class, below ``timm``.
ROWS: dict[str, AttentionRow] = {
    "layers.attention.Attention": AttentionRow(
        inputs=(("qkv", 3), ("gate", 1)),
        head_width=("head_dim",),
        all_heads=("attn_dim",),
        by_channel=("norm.weight", "norm.bias"),
        norms=_NORMS,
    ),
    "layers.attention.AttentionRope": replace(
        _ROTARY,
        all_heads=("attn_dim", "kv_dim", "num_kv_heads"),
        holds=lambda module: module.num_kv_groups == 1,
    ),
    "models.beit.Attention": AttentionRow(
        by_head=(("relative_position_bias_table", 1),),
        by_channel=_APART,
        whole=lambda module: module.relative_position_bias_table is not None,
    ),
    "models.cait.ClassAttn": AttentionRow(inputs=_SEPARATE),
    "models.cait.TalkingHeadAttn": AttentionRow(by_head=_mixing("proj_l", "proj_w")),
    "models.convit.GPSA": AttentionRow(
        inputs=(("qk", 2), ("v", 1)),
        by_head=(("pos_proj.weight", 0), ("pos_proj.bias", 0), ("gating_param", 0)),
    ),
    "models.convit.MHSA": AttentionRow(),
    "models.crossvit.CrossAttention": AttentionRow(inputs=(("wq", 1), ("wk", 1), ("wv", 1))),
    "models.davit.ChannelAttention": AttentionRow(narrow=False),
    "models.davit.ChannelAttentionV2": AttentionRow(heads="groups", narrow=False),
    "models.davit.WindowAttention": AttentionRow(),
    "models.edgenext.CrossCovarianceAttn": AttentionRow(by_head=(("temperature", 0),), narrow=False),
    "models.efficientformer.Attention": replace(_KEYED, all_heads=("key_attn_dim", "val_attn_dim")),
    "models.efficientformer_v2.Attention2d": replace(
        _FORMER,
        inputs=_normed("q", "k", "v", "v_local"),
        by_head=(*_BIASES, *_mixing("talking_head1", "talking_head2")),
    ),
    "models.efficientformer_v2.Attention2dDownsample": replace(_FORMER, inputs=_normed("q.proj", "k", "v", "v_local")),
    "models.eva.EvaAttention": _ROTARY,
    "models.fastvit.Attention": AttentionRow(head_width=("head_dim",)),
    "models.gcvit.WindowAttentionGlobal": replace(
        _RELATIVE, head_width=("head_dim",), holds=lambda module: not module.use_global
    ),
    "models.hiera.MaskUnitAttention": AttentionRow(heads="heads", head_width=("head_dim",), all_heads=("dim_out",)),
    "models.levit.Attention": replace(_LEVIT, inputs=(("qkv.linear", 1), ("qkv.bn", 1))),
    "models.levit.AttentionDownsample": replace(
        _LEVIT, inputs=(("q.ln.linear", 1), ("q.ln.bn", 1), ("kv.linear", 1), ("kv.bn", 1))
    ),
    "models.maxxvit.Attention2d": replace(_RELATIVE, head_width=("dim_head",), packed="head_first"),
    "models.maxxvit.AttentionCl": replace(_RELATIVE, head_width=("dim_head",), packed="head_first"),
    "models.metaformer.Attention": AttentionRow(head_width=("head_dim",), all_heads=("attention_dim",)),
    "models.mvitv2.MultiScaleAttention": AttentionRow(
        all_heads=("dim_out",), narrow=False, holds=lambda module: not module.unshared
    ),
    "models.nest.Attention": AttentionRow(interleaved=True),
    "models.nextvit.EfficientAttention": AttentionRow(inputs=_SEPARATE, head_width=("head_dim",)),
    "models.pvt_v2.Attention": AttentionRow(inputs=(("q", 1), ("kv", 2)), head_width=("head_dim",)),
    "models.swin_transformer.WindowAttention": AttentionRow(by_head=(("relative_position_bias_table", 1),)),
    "models.swin_transformer_v2.WindowAttention": AttentionRow(
        by_head=(("logit_scale", 0), ("cpb_mlp.2.weight", 0)), by_channel=_APART
    ),
    "models.swin_transformer_v2_cr.WindowMultiHeadAttention": AttentionRow(
        by_head=(("logit_scale", 0), ("meta_mlp.fc2.weight", 0), ("meta_mlp.fc2.bias", 0))
    ),
    "models.tiny_vit.Attention": replace(_KEYED, all_heads=("out_dim",)),
    "models.tnt.Attention": AttentionRow(
        inputs=(("qk", 2), ("v", 1)), head_width=("head_dim",), all_heads=("hidden_dim",)
    ),
    "models.twins.GlobalSubSampleAttn": AttentionRow(inputs=(("q", 1), ("kv", 2))),
    "models.twins.LocallyGroupedAttn": AttentionRow(),
    "models.vision_transformer_relpos.RelPosAttention": replace(_RELATIVE, head_width=("head_dim",), norms=_NORMS),
    "models.visformer.Attention": AttentionRow(head_width=("head_dim",)),
    "models.volo.Attention": AttentionRow(),
    "models.volo.ClassAttention": AttentionRow(inputs=(("q", 1), ("kv", 2)), head_width=("head_dim",)),
    "models.volo.OutlookAttention": AttentionRow(inputs=(("v", 1), ("attn", 1)), narrow=False),
    "models.xcit.XCA": AttentionRow(by_head=(("temperature", 0),), narrow=False),
}

# Tables of relative positions, below ``timm.layers.pos_embed_rel``: parameters with entries for each head, and where
# the heads stand in ``bias_shape``.
POSITIONS: dict[str, tuple[tuple[tuple[str, int], ...], int]] = {
    "RelPosBias": ((("relative_position_bias_table", 1),), 2),
    "RelPosBiasTf": ((("relative_position_bias_table", 0),), 0),
    "RelPosMlp": ((("mlp.fc2.weight", 0), ("mlp.fc2.bias", 0)), 2),
}
