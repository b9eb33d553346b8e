"""Heads are cut whole, or channels inside them: what is left answers as the attention with these closed."""

from __future__ import annotations

import copy
import importlib
from functools import partial
from typing import Any

import pytest
import timm
import torch
from timm.layers.pos_embed_rel import RelPosBias, RelPosBiasTf, RelPosMlp
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.engine import structure
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune.dependencies import known_group
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.structure import Width, attention, forwards
from pqv_core.engine.structure.attention_rows import ROWS
from tests.fakes.training import Recorder

pytestmark = pytest.mark.usefixtures("one_thread")

TOKENS = (2, 9, 32)
GRID = (2, 32, 3, 3)
SIZES = {"dim": 32, "num_heads": 4}
KEYED = {"num_heads": 4, "key_dim": 8, "resolution": 3}
positions = partial(RelPosBias, window_size=(3, 3))

# Of each class that is cut: how one is made, and what it is called with.
CASES: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "layers.attention.Attention": ({**SIZES, "qkv_bias": True, "gated": True}, (TOKENS,)),
    "layers.attention.AttentionRope": ({**SIZES, "qkv_fused": False, "num_prefix_tokens": 1}, ((2, 10, 32), (9, 16))),
    "models.beit.Attention": ({**SIZES, "qkv_bias": True, "window_size": (3, 3)}, ((2, 10, 32),)),
    "models.cait.ClassAttn": (SIZES, (TOKENS,)),
    "models.cait.TalkingHeadAttn": (SIZES, (TOKENS,)),
    "models.convit.GPSA": (SIZES, (TOKENS,)),
    "models.convit.MHSA": (SIZES, (TOKENS,)),
    "models.crossvit.CrossAttention": (SIZES, (TOKENS,)),
    "models.davit.ChannelAttention": (SIZES, (TOKENS,)),
    "models.davit.ChannelAttentionV2": (SIZES, (TOKENS,)),
    "models.davit.WindowAttention": ({**SIZES, "window_size": (3, 3)}, (TOKENS,)),
    "models.edgenext.CrossCovarianceAttn": (SIZES, (TOKENS,)),
    "models.efficientformer.Attention": ({**KEYED, "dim": 32}, (TOKENS,)),
    "models.efficientformer_v2.Attention2d": ({**KEYED, "dim": 32, "attn_ratio": 2}, (GRID,)),
    "models.efficientformer_v2.Attention2dDownsample": ({**KEYED, "dim": 32, "attn_ratio": 2}, (GRID,)),
    "models.eva.EvaAttention": (
        {**SIZES, "qkv_bias": True, "gated": True, "scale_norm": False},
        ((2, 10, 32), (9, 16)),
    ),
    "models.fastvit.Attention": ({"dim": 32, "head_dim": 8}, (GRID,)),
    "models.gcvit.WindowAttentionGlobal": ({**SIZES, "window_size": 3, "use_global": False}, (TOKENS,)),
    "models.hiera.MaskUnitAttention": ({"dim": 16, "dim_out": 32, "heads": 4, "q_stride": 3}, ((2, 9, 16),)),
    "models.levit.Attention": ({**KEYED, "dim": 32}, (TOKENS,)),
    "models.levit.AttentionDownsample": ({**KEYED, "in_dim": 32, "out_dim": 48}, (TOKENS,)),
    "models.maxxvit.Attention2d": (
        {"dim": 32, "dim_head": 8, "rel_pos_cls": partial(RelPosMlp, window_size=(3, 3), hidden_dim=8)},
        (GRID,),
    ),
    "models.maxxvit.AttentionCl": (
        {"dim": 32, "dim_head": 8, "head_first": False, "rel_pos_cls": partial(RelPosBiasTf, window_size=(3, 3))},
        ((2, 3, 3, 32),),
    ),
    "models.metaformer.Attention": ({"dim": 32, "head_dim": 8}, (TOKENS,)),
    "models.mvitv2.MultiScaleAttention": (
        {**SIZES, "dim_out": 64, "feat_size": (3, 3), "kernel_q": (3, 3), "kernel_kv": (3, 3), "has_cls_token": False},
        (TOKENS, [3, 3]),
    ),
    "models.nest.Attention": (SIZES, ((2, 4, 9, 32),)),
    "models.nextvit.EfficientAttention": ({"dim": 32, "head_dim": 8, "sr_ratio": 3}, (TOKENS,)),
    "models.pvt_v2.Attention": ({**SIZES, "sr_ratio": 3}, (TOKENS, [3, 3])),
    "models.swin_transformer.WindowAttention": ({**SIZES, "window_size": 3}, (TOKENS, (2, 9, 9))),
    "models.swin_transformer_v2.WindowAttention": ({**SIZES, "window_size": (3, 3)}, (TOKENS, (2, 9, 9))),
    "models.swin_transformer_v2_cr.WindowMultiHeadAttention": ({**SIZES, "window_size": (3, 3)}, (TOKENS, (2, 9, 9))),
    "models.tiny_vit.Attention": ({**KEYED, "dim": 32, "resolution": (3, 3)}, (TOKENS,)),
    "models.tnt.Attention": ({**SIZES, "hidden_dim": 32}, (TOKENS,)),
    "models.twins.GlobalSubSampleAttn": ({**SIZES, "sr_ratio": 3}, (TOKENS, (3, 3))),
    "models.twins.LocallyGroupedAttn": ({**SIZES, "ws": 2}, (TOKENS, (3, 3))),
    "models.vision_transformer_relpos.RelPosAttention": (
        {**SIZES, "rel_pos_cls": positions},
        (TOKENS,),
    ),
    "models.visformer.Attention": (SIZES, (GRID,)),
    "models.volo.Attention": (SIZES, ((2, 3, 3, 32),)),
    "models.volo.ClassAttention": (SIZES, (TOKENS,)),
    "models.volo.OutlookAttention": (SIZES, ((2, 3, 3, 32),)),
    "models.xcit.XCA": (SIZES, (TOKENS,)),
}
MIXING = ("proj_l", "proj_w", "talking_head1", "talking_head2")


class Model(nn.Module):
    """An attention under a name, as in a model."""

    def __init__(self, attn: nn.Module) -> None:
        super().__init__()
        self.attn = attn

    def forward(self, *arguments: Any) -> Any:
        return self.attn(*arguments)


def made(row: str, **more: Any) -> Model:
    """In float64, with weights, biases and tables that are all drawn."""
    module, _, name = row.rpartition(".")
    arguments = CASES[row][0] | more
    model = Model(getattr(importlib.import_module(f"timm.{module}"), name)(**arguments)).double().eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = 0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model


def asked(row: str) -> list[Any]:
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(part, generator=generator, dtype=torch.float64)
        if isinstance(part, tuple) and not (place and len(part) == 2 and part[0] == part[1])
        else part
        for place, part in enumerate(CASES[row][1])
    ]


def answer(model: nn.Module, row: str) -> Tensor:
    with torch.no_grad():
        given = model(*asked(row))
    answered: Tensor = given[0] if isinstance(given, tuple) else given
    return answered


def only_width(model: nn.Module, unit: Any) -> Width:
    (heads,) = attention.attentions(model)
    return heads.width(unit)


def close(model: Model, width: Width, cut: list[int]) -> None:
    """Let channels ``cut`` count for nothing: no value passes on, and, of channels, no query meets a key."""
    gone = torch.zeros(width.channels, dtype=torch.bool)
    gone[cut] = True
    with torch.no_grad():
        for part in width.parts:
            layer: Any = part.layer
            mine = part.indices[gone[part.channels]]
            if part.side == "in":
                layer.weight[:, mine] = 0
            elif width.unit != "heads":
                layer.weight[mine] = 0
                if layer.bias is not None:
                    layer.bias[mine] = 0
        for name in ("q_bias", "v_bias"):
            if width.unit != "heads" and getattr(model.attn, name, None) is not None:
                getattr(model.attn, name)[gone] = 0
        heads = sorted({channel // (width.channels // width.heads) for channel in cut})
        kept = [head for head in range(width.heads) if head not in heads]
        for name in MIXING:
            if width.unit == "heads" and hasattr(model.attn, name):
                getattr(model.attn, name).weight[torch.tensor(kept)[:, None], torch.tensor(heads)] = 0


def drawn(width: Width, units: int) -> list[int]:
    scores = torch.rand(width.channels, generator=torch.Generator().manual_seed(2))
    return width.rank(scores, adds_up=True).first(units)


def cut_out(width: Width, cut: list[int]) -> None:
    known_group(width.parts, cut).prune(record_history=False)
    width.after(cut)


def test_every_row_has_a_case() -> None:
    assert set(CASES) == set(ROWS)


UNITS = [(row, unit) for row in ROWS for unit in ("heads", "width") if unit == "heads" or ROWS[row].narrow]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("row", "unit"), UNITS)
def test_what_is_left_answers_as_if_the_rest_were_closed(row: str, unit: Any, fused: bool) -> None:
    model = made(row)
    if hasattr(model.attn, "fused_attn"):
        model.attn.fused_attn = fused
    closed = copy.deepcopy(model)
    width = only_width(model, unit)
    cut = drawn(width, 2)
    close(closed, only_width(closed, unit), cut)
    before = answer(closed, row)
    cut_out(width, cut)
    torch.testing.assert_close(answer(model, row), before, rtol=1e-9, atol=1e-9)
    assert only_width(model, unit).units == width.units - 2


@pytest.mark.parametrize("unit", ["heads", "width"])
@pytest.mark.parametrize(
    ("row", "norms"),
    [
        ("layers.attention.Attention", {"qk_norm": True, "scale_norm": True}),
        ("layers.attention.AttentionRope", {"qk_norm": True, "scale_norm": True}),
        ("models.eva.EvaAttention", {"qk_norm": True, "scale_norm": True}),
        ("models.vision_transformer_relpos.RelPosAttention", {"qk_norm": True}),
    ],
)
def test_norms_follow(row: str, norms: dict[str, Any], unit: Any) -> None:
    model = made(row, norm_layer=nn.LayerNorm, **norms)
    (heads,) = attention.attentions(model)
    width = heads.width(unit if unit in heads.units else "heads")
    cut_out(width, drawn(width, 2))
    assert answer(model, row).isfinite().all()
    wide = width.channels // width.heads - 2 * (width.unit != "heads")
    assert model.attn.q_norm.weight.shape == model.attn.k_norm.weight.shape == (wide,)


def test_values_of_another_width_than_the_queries_are_cut_by_heads_only() -> None:
    (heads,) = attention.attentions(made("models.tnt.Attention", hidden_dim=16))
    assert heads.units == ("heads",)


@pytest.mark.parametrize("row", ROWS)
def test_what_is_cut_is_compiled_and_answers_the_same(row: str) -> None:
    model = made(row).attn
    width = only_width(Model(model), "heads")
    cut_out(width, drawn(width, 1))
    expected = model(*asked(row))
    given = torch.jit.freeze(torch.jit.script(model))(*asked(row))
    torch.testing.assert_close(given, expected)


def free_kind(row: str) -> type[nn.Module]:
    attn = made(row).attn
    forwards.free_head_width(attn)
    return type(attn)


FREE = [row for row in ROWS if forwards.timm_class(freed := free_kind(row)) is not freed]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("row", FREE)
def test_a_freed_attention_answers_as_timms(row: str, fused: bool) -> None:
    model = made(row)
    if hasattr(model.attn, "fused_attn"):
        model.attn.fused_attn = fused
    expected = answer(model, row)
    forwards.free_head_width(model.attn)
    torch.testing.assert_close(answer(model, row), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("row", [row for row in FREE if hasattr(made(row).attn, "fused_attn")])
def test_fused_attention_can_be_left_out_of_what_is_exported(row: str) -> None:
    model: Any = made(row).attn
    forwards.free_head_width(model)
    model.fused_attn = False
    assert "scaled_dot_product" not in str(torch.jit.freeze(torch.jit.script(model)).graph)


@pytest.mark.parametrize("name", ["vit_small_patch16_rope_mixed_224", "coat_tiny", "mixer_s32_224"])
def test_heads_that_are_tied_to_something_outside_stay(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    assert not list(attention.attentions(model))
    assert "attention" in structure.supported(model)["attention"]


def test_shared_positions_leave_only_channels_to_cut() -> None:
    with torch.device("meta"):
        model = timm.create_model("vit_srelpos_small_patch16_224")
    assert {width.unit for width in attention.widths(model, "heads")} == {"inside heads"}


def test_it_is_said_where_attention_is_cut_in_another_way() -> None:
    base = Base(name="eva02_tiny_patch14_224", arguments={"img_size": 28, "depth": 1, "num_classes": 3})
    recorder = Recorder()
    pruned: Any = prune(base.create(), PruneConfig(importance="l2"), batches=None, context=recorder.context)
    assert (pruned.blocks[0].attn.num_heads, pruned.blocks[0].attn.head_dim) == (2, 64)
    assert any("loses whole heads" in line for line in recorder.lines)
