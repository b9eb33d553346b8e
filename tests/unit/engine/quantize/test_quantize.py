"""Precisions: what is stored, how it answers, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from pqv_core.config import ExportConfig, RunConfig
from pqv_core.config.quantize import Observer, Precision
from pqv_core.engine.formats.exporter import exporter
from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.quantize import int8_static, quantize
from pqv_core.engine.quantize.engines import supported_engines, using_engine
from pqv_core.engine.quantize.layers import layers
from pqv_core.errors import ConfigError, QuantizeError
from pqv_core.formats.ptl import ptl_file as ptl

EXAMPLE = torch.zeros(1, 3, 32, 32)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    arguments = {"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 3, "num_heads": 3, "num_classes": 10}
    made: nn.Module = timm.create_model("vit_tiny_patch16_224", **arguments)
    return made.eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def written(model: nn.Module, folder: Path) -> Path:
    path = folder / "model.ptl"
    lite_writer.save(model, path, example=EXAMPLE, passes="freeze", description={})
    return path


def error(answer: Tensor, expected: Tensor) -> float:
    return ((answer - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-6), ("fp16", 2e-3), ("int8-dynamic", 0.05)])
def test_it_answers_nearly_as_the_model(
    precision: Precision, tolerance: float, model: nn.Module, images: Tensor, tmp_path: Path
) -> None:
    path = written(quantize(model, precision), tmp_path)
    with torch.inference_mode():
        assert error(lite.open_file(path, engine="").run(images[:1]), model(images[:1])) < tolerance


@pytest.mark.parametrize("name", ["beit_base_patch16_224", "eva02_tiny_patch14_224"])
@pytest.mark.parametrize("precision", ["fp16", "int8-dynamic"])
def test_biases_beside_their_layer_are_added_all_the_same(name: str, precision: Precision, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model(name, img_size=28, patch_size=14, depth=1, embed_dim=48, num_heads=2, num_classes=5)
    for parameter in model.eval().parameters():
        nn.init.normal_(parameter, std=0.1)
    images = torch.randn(1, 3, 28, 28)
    lite_writer.save(
        quantize(model, precision), tmp_path / "model.ptl", example=images, passes="freeze", description={}
    )
    with torch.inference_mode():
        assert error(lite.open_file(tmp_path / "model.ptl", engine="").run(images), model(images)) < 0.05


@pytest.mark.parametrize("observer", ["histogram", "percentile", "minmax"])
def test_static_ranges_serve_every_engine(observer: Observer, model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    path = written(quantize(model, "int8-static", observer=observer, batches=images.split(4)), tmp_path)
    with torch.inference_mode():
        expected = model(images[:1])
        for engine in supported_engines():
            assert error(lite.open_file(path, engine=engine).run(images[:1]), expected) < 0.15


def test_static_layers_look_for_no_range_while_running(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    path = written(quantize(model, "int8-static", batches=[images]), tmp_path)
    operators = ptl.read(path).operators
    assert "quantized::linear" in operators
    assert "quantized::linear_dynamic" in operators  # the classifier's logits are not rounded


def test_what_is_multiplied_has_seven_bits_and_results_have_eight() -> None:
    torch.manual_seed(0)
    model, images = nn.Sequential(nn.Linear(6, 5)), torch.randn(32, 6)
    results = model(images).detach()
    with using_engine("onednn"):
        int8_static._convert(model, ["0"], "minmax", [images])
    layer = model.get_submodule("0")
    assert float(layer.quant.scale) == pytest.approx(float(images.max() - images.min()) / 127)
    assert layer.module.scale == pytest.approx(float(results.max() - results.min()) / 255)
    assert error(model(images), results) < 0.02


@pytest.mark.parametrize(("precision", "share"), [("fp16", 0.58), ("int8-dynamic", 0.37), ("int8-static", 0.37)])
def test_weights_are_stored_once_and_small(
    precision: Precision, share: float, model: nn.Module, images: Tensor, tmp_path: Path
) -> None:
    small = ptl.read(written(quantize(model, precision, batches=[images]), tmp_path))
    whole = sum(parameter.numel() for parameter in model.parameters()) * 4
    assert small.weights_bytes < share * whole


def test_layers_can_be_left_in_floating_point(model: nn.Module) -> None:
    quantized = quantize(model, "int8-dynamic", keep=("head", "blocks.0"))
    kept = set(layers(quantized))
    assert kept == {"head", "blocks.0.attn.qkv", "blocks.0.attn.proj", "blocks.0.mlp.fc1", "blocks.0.mlp.fc2"}
    assert type(quantized.get_submodule("blocks.1.mlp.fc1")) is not nn.Linear


def test_a_layer_that_is_not_there_cannot_be_kept(model: nn.Module) -> None:
    with pytest.raises(QuantizeError, match=r"blocks\.9"):
        quantize(model, "int8-dynamic", keep=("blocks.9",))


def test_everything_kept_is_a_model_as_before(model: nn.Module, images: Tensor) -> None:
    names = tuple(layers(quantize(model, "int8-dynamic", keep=("blocks", "head", "patch_embed"))))
    unchanged = quantize(model, "int8-dynamic", keep=names)
    with torch.inference_mode():
        torch.testing.assert_close(unchanged(images), model(images))


def test_the_model_itself_is_not_touched(model: nn.Module, images: Tensor) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for precision in ("fp16", "int8-dynamic", "int8-static"):
        quantize(model, precision, batches=[images])
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_precision_or_observer_that_is_not_known_is_never_taken_for_int8() -> None:
    model = nn.Sequential(nn.Linear(8, 8))
    with pytest.raises(ConfigError, match=r"quantize\.precision: 'int3' is not known"):
        quantize(model, "int3")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"quantize\.observer: 'entropy' is not known"):
        quantize(model, "int8-static", observer="entropy", batches=[torch.ones(1, 8)])  # type: ignore[arg-type]


def test_a_target_that_is_not_known_is_never_taken_for_this_computer() -> None:
    with pytest.raises(ConfigError, match=r"export\.target: 'ios' is not known"):
        exporter("ptl", RunConfig.model_construct(export=ExportConfig.model_construct(target="ios")))  # type: ignore[arg-type]
