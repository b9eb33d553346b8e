"""Which layers suffer from quantization, and how few must be spared."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import timm
import torch
from torch import Tensor, nn

from pqv_core.config import QuantizeConfig
from pqv_core.engine import sensitivity
from pqv_core.engine.context import Context
from pqv_core.engine.measure.parity import relative_error
from pqv_core.engine.quantize import quantize, quantize_as
from pqv_core.engine.quantize.layers import quantizable
from pqv_core.engine.quantize.request import Request
from pqv_core.errors import QuantizeError
from pqv_core.results.record import LayerSensitivity

WORST = "blocks.1.mlp.fc2"
CONTEXT = Context(run="r", send=lambda event: None)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A Vision Transformer in which an idle channel, far too large, widens the range of one layer's input."""
    torch.manual_seed(0)
    arguments = {"img_size": 16, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3, "num_classes": 10}
    made: nn.Module = timm.create_model("vit_tiny_patch16_224", **arguments).eval()
    with torch.no_grad():
        made.get_submodule("blocks.1.mlp.fc1").bias[0] = 300.0  # type: ignore[index,operator,union-attr]
        made.get_submodule("blocks.1.mlp.fc2").weight[:, 0] = 0.0  # type: ignore[index,operator,union-attr]
    return made


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def make(model: nn.Module, keep: Sequence[str]) -> nn.Module:
    return quantize(model, "int8-dynamic", keep=keep)


@pytest.fixture(scope="module")
def ranked(model: nn.Module, inputs: Tensor) -> list[LayerSensitivity]:
    return sensitivity.measure(model, inputs, make=make, context=CONTEXT)


def test_every_layer_is_ranked_and_the_worst_comes_first(model: nn.Module, ranked: list[LayerSensitivity]) -> None:
    assert sorted(item.name for item in ranked) == sorted(quantizable(model))
    assert ranked[0].name == WORST
    assert [item.relative for item in ranked] == sorted((item.relative for item in ranked), reverse=True)


def test_the_patch_embedding_is_among_them(model: nn.Module) -> None:
    assert "patch_embed.proj.linear" in quantizable(model)


def test_as_few_as_it_takes_are_spared(model: nn.Module, inputs: Tensor, ranked: list[LayerSensitivity]) -> None:
    tolerance = ranked[0].relative / 2
    kept, left = sensitivity.layers_to_spare(model, inputs, ranked, tolerance=tolerance, make=make, context=CONTEXT)
    assert left <= tolerance
    assert kept[0] == WORST
    with torch.inference_mode():
        expected = torch.cat([model(image[None]) for image in inputs])
        fewer = torch.cat([make(model, kept[:-1])(image[None]) for image in inputs])
    assert relative_error(fewer, expected) > tolerance


def test_a_tolerance_that_is_met_spares_nothing(
    model: nn.Module, inputs: Tensor, ranked: list[LayerSensitivity]
) -> None:
    kept, left = sensitivity.layers_to_spare(model, inputs, ranked, tolerance=10.0, make=make, context=CONTEXT)
    assert kept == []
    assert left < 10.0


def test_a_tolerance_beyond_reach_is_refused(model: nn.Module, inputs: Tensor, ranked: list[LayerSensitivity]) -> None:
    def other(given: nn.Module, keep: Sequence[str]) -> nn.Module:
        changed = quantize(given, "fp32")
        changed.get_submodule("head").weight.data.add_(1.0)  # type: ignore[operator,union-attr]
        return changed

    with pytest.raises(QuantizeError, match="all layers spared the logits differ"):
        sensitivity.layers_to_spare(model, inputs, ranked, tolerance=1e-9, make=other, context=CONTEXT)


def test_layers_that_four_bits_hurt_are_left_in_eight() -> None:
    """A layer whose weights need more than 15 levels is spared, and no layer is in floating point for it."""
    pytest.importorskip("torchao", reason="torchao is an extra that is not installed here")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10)).eval()
    with torch.no_grad():
        model.get_submodule("1").weight[:, ::32] *= 100.0  # type: ignore[index,operator,union-attr]
    inputs = torch.randn(8, 1, 8, 8)
    inputs[..., ::4, 0] = 0.0  # nothing stands where the large weights are
    config = QuantizeConfig(precision="int4")

    def alone(given: nn.Module, others: Sequence[str]) -> nn.Module:
        return quantize_as(given, "int4", Request.of(config.changed(keep=others), ()))

    def sparing(given: nn.Module, names: Sequence[str]) -> nn.Module:
        return quantize_as(given, "int4", Request.of(config.sparing(names), ()))

    found = sensitivity.measure(model, inputs, make=alone, context=CONTEXT)
    assert [item.name for item in found] == ["1", "3"]
    spared, left = sensitivity.layers_to_spare(model, inputs, found, tolerance=0.3, make=sparing, context=CONTEXT)
    assert spared == ["1"] and left < 0.3
    weights = [sparing(model, spared).get_submodule(name).weight for name in ("1", "3")]
    assert [weight.target_dtype for weight in weights] == [torch.int8, torch.int4]
