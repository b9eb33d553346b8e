"""Weights in 4 bits: the group that each layer gets, and what is left in 8 bits or in floating point."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from pqv_core.engine.measure.parity import relative_error
from pqv_core.engine.quantize import quantize_as
from pqv_core.engine.quantize.request import Request
from pqv_core.errors import QuantizeError

pytest.importorskip("torchao", reason="torchao is an extra that is not installed here")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """Patches of 48 inputs, tokens of 192, a hidden width of 384."""
    torch.manual_seed(0)
    arguments = {"img_size": 8, "patch_size": 4, "embed_dim": 192, "depth": 2, "num_heads": 3, "num_classes": 10}
    made: nn.Module = timm.create_model("vit_tiny_patch16_224", mlp_ratio=2, **arguments)
    return made.eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def stored(model: nn.Module, name: str) -> tuple[Any, int]:
    """Type of a layer's weights, and how many of them share a scale."""
    weight: Any = model.get_parameter(f"{name}.weight")
    return weight.target_dtype, weight.block_size[1]


@pytest.mark.parametrize(("group", "tokens", "hidden"), [(32, 32, 32), (64, 64, 64), (128, 64, 128)])
def test_each_layer_gets_the_largest_group_that_fits_it(
    group: int, tokens: int, hidden: int, model: nn.Module, images: Tensor
) -> None:
    made = quantize_as(model, "int4", Request(group=group))
    assert stored(made, "blocks.0.attn.qkv") == (torch.int4, tokens)
    assert stored(made, "blocks.0.mlp.fc2") == (torch.int4, hidden)
    assert stored(made, "patch_embed.proj.linear") == (torch.int8, 48), "no group divides 48 inputs"
    with torch.inference_mode():
        assert relative_error(made(images), model(images)) < 0.3


def test_single_layers_stay_in_eight_bits_or_in_floating_point(model: nn.Module) -> None:
    made = quantize_as(model, "int4", Request(keep=("head",), keep_int8=("blocks.1",)))
    assert type(made.get_parameter("head.weight")) is nn.Parameter
    assert stored(made, "blocks.0.mlp.fc1") == (torch.int4, 32)
    assert stored(made, "blocks.1.mlp.fc1") == (torch.int8, 192)


def test_floating_point_goes_before_eight_bits(model: nn.Module) -> None:
    made = quantize_as(model, "int4", Request(keep=("head",), keep_int8=("head",)))
    assert type(made.get_parameter("head.weight")) is nn.Parameter


def test_a_layer_that_is_not_there_cannot_be_kept_in_eight_bits(model: nn.Module) -> None:
    with pytest.raises(QuantizeError, match=r"blocks\.9"):
        quantize_as(model, "int4", Request(keep_int8=("blocks.9",)))


def test_smaller_groups_come_nearer_to_the_weights(model: nn.Module) -> None:
    name = "blocks.0.mlp.fc2.weight"
    found = [quantize_as(model, "int4", Request(group=group)).get_parameter(name) for group in (32, 64, 128)]
    errors = [relative_error(weight.dequantize(), model.get_parameter(name)) for weight in found]
    assert errors == sorted(errors) and errors[0] < errors[-1]
