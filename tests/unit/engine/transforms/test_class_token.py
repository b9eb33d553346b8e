"""The last block leaves out the tokens that the classifier does not read, and the logits stay the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.config.prune import AttentionUnit
from pqv_core.engine.formats.ptl.lite_exporter import without_fused_attention
from pqv_core.engine.models import checkpoint
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.quantize import quantize
from pqv_core.engine.quantize.layers import layers
from pqv_core.engine.transforms.class_token import FirstTokensBlock, leave_out_unread_tokens
from tests.fakes.training import Recorder

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL: dict[str, Any] = {"img_size": 32, "depth": 2, "embed_dim": 48, "num_heads": 3, "num_classes": 5}

READ_ONE = [
    ("deit_tiny_patch16_224", {}),
    ("deit3_small_patch16_224", {}),  # layer scale; positions without the class token
    ("vit_tiny_patch16_224", {"qk_norm": True, "reg_tokens": 2}),
    ("vit_tiny_patch16_224", {"qkv_bias": False, "scale_attn_norm": True}),
]


def model(name: str, **changed: Any) -> nn.Module:
    torch.manual_seed(0)
    made = checkpoint.Base(name=name, arguments={**SMALL, **changed}).create()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.1)
    return made


def logits(module: nn.Module, *arguments: Any) -> Tensor:
    with torch.inference_mode():
        found: Tensor = module(IMAGES, *arguments)
    return found


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("name", "changed", "tokens"), [*((*row, 1) for row in READ_ONE), ("deit_tiny_distilled_patch16_224", {}, 2)]
)
def test_the_logits_stay_the_same(name: str, changed: dict[str, Any], tokens: int, fused: bool) -> None:
    whole = model(name, **changed) if fused else without_fused_attention(model(name, **changed))
    shorter = leave_out_unread_tokens(whole)
    last = shorter.blocks[-1]  # type: ignore[index]
    assert isinstance(last, FirstTokensBlock)
    with torch.inference_mode():
        assert last(torch.zeros(1, 7, SMALL["embed_dim"])).shape == (1, tokens, SMALL["embed_dim"])
    torch.testing.assert_close(logits(shorter), logits(whole), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(logits(torch.jit.script(shorter)), logits(whole), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_masks_hold_for_the_tokens_that_are_left(fused: bool) -> None:
    whole = model("deit_tiny_patch16_224") if fused else without_fused_attention(model("deit_tiny_patch16_224"))
    shorter = leave_out_unread_tokens(whole)
    length = whole.pos_embed.shape[1]  # type: ignore[union-attr, index]
    mask = torch.rand(2, 1, length, length, generator=torch.Generator().manual_seed(1)) > 0.5
    mask |= torch.eye(length, dtype=torch.bool)
    for arguments in [(mask,), (None, True)]:
        torch.testing.assert_close(logits(shorter, *arguments), logits(whole, *arguments), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("unit", ["width", "heads"])
def test_a_pruned_model_is_shortened_too(unit: AttentionUnit) -> None:
    config = PruneConfig(importance="l2", ratio=0.4, attention_unit=unit, embedding=True, round_to=1)
    pruned = prune(model("deit_tiny_patch16_224"), config, batches=None, context=Recorder().context)
    shorter = leave_out_unread_tokens(pruned)
    assert isinstance(shorter.blocks[-1], FirstTokensBlock)  # type: ignore[index]
    torch.testing.assert_close(logits(shorter), logits(pruned), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "changed", [{"global_pool": "avg"}, {"global_pool": "map"}, {"attn_layer": "diff"}], ids=lambda row: str(row)
)
def test_a_model_whose_classifier_reads_more_stays_as_it_is(changed: dict[str, Any]) -> None:
    whole = model("vit_tiny_patch16_224", **changed)
    assert leave_out_unread_tokens(whole) is whole


def test_the_model_that_is_trained_further_is_not_touched() -> None:
    whole = model("deit_tiny_patch16_224")
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    leave_out_unread_tokens(whole)
    after = whole.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_layer_that_is_named_to_stay_in_floating_point_stays_there_in_both_parts() -> None:
    shorter = leave_out_unread_tokens(model("deit_tiny_patch16_224"))
    assert {"blocks.1.attn.qkv.query", "blocks.1.attn.qkv.rest"} <= set(layers(shorter))
    kept = quantize(shorter, "int8-dynamic", keep=["blocks.1.attn.qkv"])
    assert {name for name in layers(kept) if name.startswith("blocks.1")} == {
        "blocks.1.attn.qkv.query",
        "blocks.1.attn.qkv.rest",
    }
