"""Merged tokens (ToMe): the matching of the paper in both forms, models that merge, and their files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.config import PruneConfig
from pqv_core.config.prune import AttentionUnit
from pqv_core.engine.formats.ptl import lite_session, lite_writer
from pqv_core.engine.formats.ptl.lite_exporter import without_fused_attention
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.quantize import quantize
from pqv_core.engine.quantize.layers import layers
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.class_token import MergingFirstTokensBlock, leave_out_unread_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.engine.transforms.token_merging import ProductMerging, TokenMerging
from pqv_core.engine.transforms.xnnpack_form import prepared_for_xnnpack
from pqv_core.errors import ModelError
from pqv_core.formats import FORMATS
from tests.fakes.training import Recorder

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL: dict[str, Any] = {"img_size": 32, "patch_size": 4, "depth": 4, "embed_dim": 48, "num_heads": 3, "num_classes": 5}
MERGED = (9, 0, 8, 3)
FAMILIES: list[tuple[str, dict[str, Any]]] = [
    ("deit_tiny_patch16_224", {}),
    ("deit_tiny_distilled_patch16_224", {}),
    ("deit3_small_patch16_224", {}),  # layer scale; positions without the class token
    ("vit_tiny_patch16_224", {"qk_norm": True, "reg_tokens": 2}),
    ("vit_tiny_patch16_224", {"scale_attn_norm": True, "qkv_bias": False}),
    ("vit_base_patch16_siglip_224", {}),  # attention pooling
    ("vit_little_patch16_reg4_gap_256", {}),  # a mean of the tokens
]
IDS = [f"{name}-{'-'.join(changed)}" for name, changed in FAMILIES]
each_family = pytest.mark.parametrize(("name", "changed"), FAMILIES, ids=IDS)


def base(name: str, **changed: Any) -> Base:
    return Base(name=name, arguments={**SMALL, **changed})


def model(name: str, **changed: Any) -> nn.Module:
    torch.manual_seed(0)
    made = base(name, **changed).create()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.1)
    return made


def merging(made: nn.Module, merged: tuple[int, ...] = MERGED, *, proportional: bool = True) -> nn.Module:
    merges = copy.deepcopy(made)
    merged_tokens.merge(merges, Merging(merged=merged, proportional=proportional))
    return merges


def logits(module: nn.Module, images: Tensor = IMAGES) -> Tensor:
    with torch.inference_mode():
        found: Tensor = module(images)
    return found


# The matching ------------------------------------------------------------------------------------------------------


def matched(sums: Tensor, keys: Tensor, merged: int, prefix: int) -> Tensor:
    """Bipartite soft matching of one image, step by step as the paper lists it (§3.1), without regard to speed."""
    numbers = range(prefix, len(keys))
    first, second = [i for i in numbers if (i - prefix) % 2 == 0], [i for i in numbers if (i - prefix) % 2 == 1]
    edges = []
    for a in first:
        alike = [(float(functional.cosine_similarity(keys[a], keys[b], dim=0)), b) for b in second]
        edges.append((*max(alike), a))
    kept = sorted(edges, reverse=True)[:merged]
    totals = {b: sums[b].clone() for b in second}
    for _, b, a in kept:
        totals[b] += sums[a]
    gone = {a for _, _, a in kept}
    rows = [*sums[:prefix], *(sums[a] for a in first if a not in gone), *totals.values()]
    return torch.stack(rows)


@st.composite
def matchings(draw: st.DrawFn) -> tuple[Tensor, Tensor, int, int]:
    prefix, patches = draw(st.integers(0, 3)), draw(st.integers(2, 17))
    merged = draw(st.integers(1, patches // 2))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    tokens = prefix + patches
    sums, keys = torch.randn(2, tokens, 5, generator=generator), torch.randn(2, tokens, 8, generator=generator)
    return sums, keys, merged, prefix


@given(matchings())
@settings(max_examples=60, deadline=None)
def test_both_forms_match_as_the_paper_does(case: tuple[Tensor, Tensor, int, int]) -> None:
    sums, keys, merged, prefix = case
    expected = torch.stack([matched(one, key, merged, prefix) for one, key in zip(sums, keys, strict=True)])
    by_indices = TokenMerging(merged, prefix)
    torch.testing.assert_close(by_indices(sums, keys), expected)
    torch.testing.assert_close(ProductMerging(by_indices, sums.shape[1])(sums, keys), expected)


@given(matchings())
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_and_prefix_tokens_stay(case: tuple[Tensor, Tensor, int, int]) -> None:
    sums, keys, merged, prefix = case
    by_indices = TokenMerging(merged, prefix)
    for form in (by_indices, ProductMerging(by_indices, sums.shape[1])):
        left = form(sums, keys)
        assert left.shape[1] == sums.shape[1] - merged
        torch.testing.assert_close(left.sum(1), sums.sum(1))
        assert torch.equal(left[:, :prefix], sums[:, :prefix])


def test_of_tokens_that_are_all_alike_as_many_go_and_none_is_counted_twice() -> None:
    sums, keys = torch.ones(1, 12, 1), torch.ones(1, 12, 4)
    left = ProductMerging(TokenMerging(3, 2), 12)(sums, keys)
    assert left.shape == (1, 9, 1)
    assert left.sum().item() == pytest.approx(12)
    assert (left >= 1 - 1e-6).all()


# Models ------------------------------------------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("fused", [True, False])
def test_a_model_that_merges_nothing_answers_as_before(name: str, changed: dict[str, Any], fused: bool) -> None:
    whole = model(name, **changed) if fused else without_fused_attention(model(name, **changed))
    torch.testing.assert_close(logits(merging(whole, (0, 0, 0, 0))), logits(whole))


@each_family
def test_merged_tokens_count_as_often_as_they_were_there(name: str, changed: dict[str, Any]) -> None:
    """With equal patches and no positions nothing is lost by merging, so a model answers the same."""
    whole = model(name, **changed)
    with torch.no_grad():
        whole.pos_embed.zero_()  # type: ignore[operator, union-attr]
    patch = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    images = patch.repeat(2, 1, 8, 8)
    expected = logits(whole, images)
    error = (logits(merging(whole), images) - expected).norm() / expected.norm()
    careless = (logits(merging(whole, proportional=False), images) - expected).norm() / expected.norm()
    assert error < 2e-6
    if whole.num_prefix_tokens:  # where all tokens are alike it makes no difference how often they count
        assert careless > 10 * error


@each_family
@pytest.mark.parametrize("fused", [True, False])
def test_every_form_answers_the_same(name: str, changed: dict[str, Any], fused: bool) -> None:
    made = model(name, **changed) if fused else without_fused_attention(model(name, **changed))
    merges = merging(made)
    expected = logits(merges)
    assert (expected - logits(made)).norm() / expected.norm() > 1e-4, "something is merged"
    shorter = leave_out_unread_tokens(merges)
    for form in (shorter, torch.jit.script(shorter), prepared_for_xnnpack(merges)):
        torch.testing.assert_close(logits(form), expected, rtol=1e-4, atol=1e-4)


def test_the_last_block_leaves_out_what_the_classifier_does_not_read() -> None:
    shorter: Any = leave_out_unread_tokens(merging(model("deit_tiny_patch16_224")))
    assert isinstance(shorter.blocks[-1], MergingFirstTokensBlock)
    pooled: Any = leave_out_unread_tokens(merging(model("vit_little_patch16_reg4_gap_256")))
    assert not isinstance(pooled.blocks[-1], MergingFirstTokensBlock)


def test_in_xnnpacks_form_no_operator_works_on_indices() -> None:
    prepared = prepared_for_xnnpack(merging(model("deit_tiny_patch16_224")))
    program = torch.export.export(prepared, (IMAGES[:1],))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not [name for name in called if any(word in name for word in ("sort", "topk", "gather", "scatter", "argm"))]


@each_family
def test_undone_it_is_the_model_that_it_was(name: str, changed: dict[str, Any]) -> None:
    made = model(name, **changed)
    merges = merging(made)
    whole = merged_tokens.without(merges)
    assert merged_tokens.merging_of(merges) == Merging(merged=MERGED)
    assert merged_tokens.merging_of(whole) is None
    assert torch.equal(logits(whole), logits(made))
    assert [type(module) for module in whole.modules()] == [type(module) for module in made.modules()]
    assert vars(whole).keys() == vars(made).keys()


def test_merging_again_replaces_what_was_merged() -> None:
    twice = merging(merging(model("deit_tiny_patch16_224"), (5, 5, 5, 5)))
    assert torch.equal(logits(twice), logits(merging(model("deit_tiny_patch16_224"))))


@pytest.mark.parametrize("unit", ["width", "heads"])
def test_a_pruned_model_merges_and_comes_back_from_its_checkpoint(unit: AttentionUnit, tmp_path: Path) -> None:
    config = PruneConfig(importance="l2", ratio=0.4, attention_unit=unit, embedding=True, round_to=1)
    plain = base("deit_tiny_patch16_224")
    pruned = prune(model("deit_tiny_patch16_224"), config, batches=None, context=Recorder().context)
    merges = merging(pruned, proportional=False)
    checkpoint.save(merges, tmp_path / "a.safetensors", base=plain)
    rebuilt = checkpoint.load(tmp_path / "a.safetensors")
    assert torch.equal(logits(rebuilt), logits(merges))
    assert merged_tokens.merging_of(rebuilt) == Merging(merged=MERGED, proportional=False)
    assert checkpoint.recipe(rebuilt, plain) == checkpoint.recipe(merges, plain)
    assert checkpoint.read_recipe(tmp_path / "a.safetensors").format == 2, "earlier versions must not drop the merging"
    torch.testing.assert_close(logits(prepared_for_xnnpack(merges)), logits(merges), rtol=1e-4, atol=1e-4)


def test_a_checkpoint_without_merging_is_one_that_earlier_versions_read(tmp_path: Path) -> None:
    checkpoint.save(model("deit_tiny_patch16_224"), tmp_path / "a.safetensors", base=base("deit_tiny_patch16_224"))
    assert checkpoint.read_recipe(tmp_path / "a.safetensors").format == 1


def test_gradients_reach_every_weight_through_merging() -> None:
    merges = merging(model("deit_tiny_patch16_224")).train()
    merges(IMAGES).square().sum().backward()
    assert all(parameter.grad is not None for parameter in merges.parameters())


def test_every_linear_layer_is_quantized(tmp_path: Path) -> None:
    made = model("deit_tiny_patch16_224")
    merges = merging(made)
    assert layers(merges) == layers(made)
    quantized = quantize(copy.deepcopy(merges), "int8-dynamic")
    assert (logits(quantized) - logits(merges)).norm() / logits(merges).norm() < 0.1


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("beit_base_patch16_224", {}),
        ("vit_relpos_small_patch16_224", {}),
        ("vit_small_patch16_36x1_224", {"dynamic_img_size": True}),
        ("vit_small_patch16_18x2_224", {}),
        ("vit_tiny_patch16_224", {"patch_drop_rate": 0.1}),
    ],
)
def test_other_models_are_refused_in_words(name: str, changed: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="Tokens cannot be merged"):
        merging(base(name, **changed).create(), MERGED)


@pytest.mark.parametrize("merged", [(1, 2), (33, 0, 0, 0), (-1, 0, 0, 0)])
def test_impossible_numbers_are_refused(merged: tuple[int, ...]) -> None:
    with pytest.raises(ModelError):
        merging(model("deit_tiny_patch16_224"), merged)


# Files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passes", ["freeze", "mobile"])
def test_a_lite_file_answers_as_the_model(passes: Any, tmp_path: Path) -> None:
    merges = leave_out_unread_tokens(without_fused_attention(merging(model("deit_tiny_patch16_224"))))
    lite_writer.save(copy.deepcopy(merges), tmp_path / "a.ptl", example=IMAGES[:1], passes=passes, description={})
    answers = lite_session.open_file(tmp_path / "a.ptl").run(IMAGES[:1])
    torch.testing.assert_close(answers, logits(merges, IMAGES[:1]), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(FORMATS["pte"].missing() is not None, reason="ExecuTorch is an extra that is not installed here")
@pytest.mark.parametrize("name", ["deit_tiny_patch16_224", "vit_little_patch16_reg4_gap_256"])
def test_an_executorch_file_is_one_delegate_and_answers_as_the_model(name: str, tmp_path: Path) -> None:
    from pqv_core.engine.formats.pte import pte_session, pte_writer

    merges = merging(model(name))
    pte_writer.save(prepared_for_xnnpack(merges), tmp_path / "a.pte", example=IMAGES[:1], description={})
    delegation: Any = FORMATS["pte"].read(tmp_path / "a.pte").delegation
    assert (delegation.parts, delegation.outside) == ({"XnnpackBackend": 1}, {})
    answers = pte_session.load(tmp_path / "a.pte").run(IMAGES[:1])
    torch.testing.assert_close(answers, logits(merges, IMAGES[:1]), rtol=1e-4, atol=1e-4)
