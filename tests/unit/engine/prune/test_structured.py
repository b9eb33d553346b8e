"""What pruning leaves is the original minus its least important channels, consistent and rounded."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from timm.layers.config import set_fused_attn
from torch import Tensor

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune.structured import prune
from pqv_core.errors import Cancelled, PruneError
from tests.fakes.training import Recorder

SMALL: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 2}
PARTS: dict[str, Any] = {"mlp": False, "attention": False, "embedding": False}
VARIANTS = {
    "plain": Base(name="vit_tiny_patch16_224", arguments=SMALL),
    "distilled": Base(name="deit_tiny_distilled_patch16_224", arguments=SMALL),
    "layer scale": Base(name="deit3_small_patch16_224", arguments=SMALL),
    "registers": Base(name="vit_small_patch14_reg4_dinov2", arguments=SMALL),
    "gated": Base(name="vit_giant_patch14_reg4_dinov2", arguments={**SMALL, "mlp_ratio": 4.0}),
    "gap": Base(name="vit_little_patch16_reg4_gap_256", arguments=SMALL),
    "normed queries": Base(name="vit_intern300m_patch14_448", arguments={**SMALL, "qk_norm": True}),
    "parallel": Base(name="vit_small_patch16_18x2_224", arguments=SMALL),
    "post norm": Base(name="vit_base_patch16_rpn_224", arguments=SMALL),
    "attention pooling": Base(name="vit_base_patch16_siglip_224", arguments=SMALL),
}


def vit(name: str = "plain", **arguments: Any) -> Any:
    """A small model whose weights are all drawn, so that no two channels are alike."""
    base = VARIANTS[name]
    model = Base(name=base.name, arguments={**base.arguments, "num_classes": 5, **arguments}).create()
    generator = torch.Generator().manual_seed(4)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


def cut(model: Any, recorder: Recorder | None = None, **settings: Any) -> Any:
    config = PruneConfig(**{"importance": "l2", "embedding": False, **settings})
    return prune(model, config, batches=None, context=(recorder or Recorder()).context)


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("unit", ["width", "heads"])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_computes_learns_and_becomes_torchscript(name: str, unit: str) -> None:
    model = vit(name)
    before = copy.deepcopy(model.state_dict())
    embedding = name != "attention pooling"
    pruned = cut(model, attention_unit=unit, embedding=embedding)
    assert sum(p.numel() for p in pruned.parameters()) < 0.9 * sum(p.numel() for p in model.parameters())
    answers = pruned(images())
    torch.testing.assert_close(torch.jit.script(pruned)(images()), answers)
    answers.sum().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in pruned.head.parameters())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_widths_are_rounded_as_the_arithmetic_says() -> None:
    pruned = cut(vit(), embedding=True, ratio=0.3)
    for block in pruned.blocks:
        assert (block.mlp.fc1.out_features, block.mlp.fc2.in_features) == (176, 176)  # 179.2
        assert (block.attn.head_dim, block.attn.num_heads, block.attn.attn_dim) == (24, 2, 48)  # 22.4
        assert (block.attn.qkv.in_features, block.attn.qkv.out_features) == (48, 144)  # 44.8 → 48
        assert block.attn.proj.out_features == block.norm1.normalized_shape[0] == 48
    assert pruned.pos_embed.shape == (1, 17, 48)
    assert pruned.embed_dim == pruned.num_features == pruned.head.in_features == 48


def test_a_width_that_rounding_leaves_whole_is_named() -> None:
    recorder = Recorder()
    pruned = cut(vit(), recorder, ratio=0.09375, mlp=False)
    assert pruned.blocks[0].attn.head_dim == 32
    assert any("attention" in line and "0.09375" in line for line in recorder.context.warnings)


def zeroed_hidden(model: Any) -> None:
    """Close the weakest quarter of each MLP's channels, by the sum of squares of what enters and leaves them."""
    for block in model.blocks:
        scores = block.mlp.fc1.weight.pow(2).sum(1) + block.mlp.fc2.weight.pow(2).sum(0)
        block.mlp.fc2.weight.data[:, scores.argsort()[:64]] = 0


def zeroed_heads(model: Any) -> None:
    """Close the weakest half of each attention's heads."""
    for block in model.blocks:
        squares = block.attn.qkv.weight.pow(2).sum(1).view(3, 4, 16).sum((0, 2))
        scores = squares + block.attn.proj.weight.pow(2).sum(0).view(4, 16).sum(1)
        for head in scores.argsort()[:2].tolist():
            block.attn.proj.weight.data[:, 16 * head : 16 * head + 16] = 0


def zeroed_inside_heads(model: Any) -> None:
    """Close the weakest quarter of each head's queries, keys and values; products stay scaled as they were."""
    for block in model.blocks:
        scores = block.attn.qkv.weight.pow(2).sum(1).view(3, 64).sum(0) + block.attn.proj.weight.pow(2).sum(0)
        weakest = scores.view(2, 32).argsort(1)[:, :8] + torch.tensor([[0], [32]])
        for part in range(3):
            block.attn.qkv.weight.data[weakest.flatten() + 64 * part] = 0
            block.attn.qkv.bias.data[weakest.flatten() + 64 * part] = 0


CLOSED: dict[str, tuple[Callable[[Any], None], dict[str, Any], dict[str, Any]]] = {
    "mlp": (zeroed_hidden, {"mlp": True}, {}),
    "heads": (zeroed_heads, {"attention": True, "attention_unit": "heads", "ratio": 0.5}, {"num_heads": 4}),
    "head width": (zeroed_inside_heads, {"attention": True}, {}),
}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kind", CLOSED)
def test_a_pruned_model_answers_as_the_dense_one_with_these_channels_closed(kind: str, fused: bool) -> None:
    close, settings, arguments = CLOSED[kind]
    set_fused_attn(fused)
    try:
        model = vit(**arguments)
    finally:
        set_fused_attn(True)
    assert model.blocks[0].attn.fused_attn == fused
    pruned = cut(model, **PARTS | settings)
    close(model)
    torch.testing.assert_close(pruned(images()), model(images()), rtol=1e-4, atol=1e-4)


def test_normed_queries_lose_the_same_channels_in_every_head() -> None:
    pruned = cut(vit("normed queries"), **PARTS | {"attention": True})
    for block in pruned.blocks:
        assert block.attn.q_norm.weight.shape == block.attn.k_norm.weight.shape == (24,)


def test_taylor_keeps_what_the_loss_needs() -> None:
    model = vit()
    for block in model.blocks:
        block.mlp.fc2.weight.data[:, ::4] = 0  # large weights enter these channels, but nothing leaves them
        block.mlp.fc1.weight.data[::4] *= 10
    batches = [(images(4), torch.tensor([0, 1, 2, 3]))]
    config = PruneConfig(importance="taylor", **PARTS | {"mlp": True})
    pruned = prune(model, config, batches=batches, context=Recorder().context)
    torch.testing.assert_close(pruned(images()), model(images()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name, info in CRITERIA.items() if info.needs_images])
def test_without_images_noise_stands_in_and_that_is_said(name: Any) -> None:
    recorder = Recorder()
    pruned = cut(vit(), recorder, importance=name, images=4)
    assert pruned(images()).shape == (2, 5)
    assert any("noise" in line for line in recorder.context.warnings)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("resnet18", {}, "ResNet"),
        ("vit_base_patch16_xp_224", SMALL, "hidden width"),
    ],
)
def test_what_cannot_be_cut_is_named(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(PruneError, match=words):
        cut(Base(name=name, arguments=arguments).create())


def test_an_embedding_that_cannot_be_cut_is_named() -> None:
    with pytest.raises(PruneError, match="attention pooling"):
        cut(vit("attention pooling"), embedding=True)


def test_it_ends_when_asked_and_leaves_the_model_alone() -> None:
    recorder = Recorder()
    recorder.context.cancelled.set()
    model = vit()
    with pytest.raises(Cancelled):
        cut(model, recorder)
    assert model.blocks[0].mlp.fc1.out_features == 256
