"""What is predicted from sizes is what the engine makes: parameters, multiply-accumulates and files."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.config import ModelConfig, PruneConfig, QuantizeConfig, RunConfig, TokensConfig, with_settings
from pqv_core.config.quantize import fitting_group
from pqv_core.engine.context import Context
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.quantize import quantize
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.models import catalog
from pqv_core.models import merged_tokens as schedule
from pqv_core.models.predict import Prediction, predict
from scripts.sweep_family import as_trained

SMALL = {"depth": 2, "img_size": 64}
OFF = PruneConfig(enabled=False)
SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("vit_tiny_patch16_224", {"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 3, "num_heads": 3}),
    ("deit_tiny_distilled_patch16_224", SMALL),
    ("deit3_small_patch16_224", {**SMALL, "num_classes": 10}),
    ("vit_small_patch14_reg4_dinov2", {**SMALL, "img_size": 56, "num_classes": 5}),
    ("vit_giant_patch14_reg4_dinov2", {**SMALL, "img_size": 56, "embed_dim": 192, "num_heads": 3}),
    ("vit_base_patch16_siglip_224", {**SMALL, "embed_dim": 192, "num_heads": 3}),
    ("vit_base_patch16_clip_224", {**SMALL, "embed_dim": 192, "num_heads": 6, "mlp_ratio": 2}),
    ("vit_small_patch16_18x2_224", {**SMALL, "embed_dim": 192, "num_heads": 3}),
    ("vit_base_patch16_rpn_224", {**SMALL, "embed_dim": 192, "num_heads": 3}),
    ("vit_tiny_r_s16_p8_224", {"depth": 2}),
]
NO_EMBEDDING = ("siglip",)
OTHER_BLOCKS = ("vit_small_patch16_18x2", "vit_base_patch16_rpn")  # whose tokens are not merged


@pytest.fixture(autouse=True)
def two_threads() -> None:
    torch.set_num_threads(2)


def _context() -> Context:
    return Context(run="test", send=lambda event: None, cancelled=threading.Event())


def _made(name: str, arguments: dict[str, Any], folder: Path) -> nn.Module:
    config = ModelConfig(name=name, arguments=arguments)
    model, _ = models.create(config, num_classes=None, project=folder / "x.pqv", context=_context())
    return as_trained(model)


def _predicted(name: str, arguments: dict[str, Any], config: PruneConfig, precision: Any = "fp32") -> Prediction:
    return predict(
        catalog.load().get(name),
        model=ModelConfig(name=name, arguments=arguments),
        prune=config,
        quantize=QuantizeConfig(precision=precision),
    )


@pytest.mark.parametrize(("name", "arguments"), SHAPES, ids=[name for name, _ in SHAPES])
@pytest.mark.parametrize("unit", ["width", "heads"])
@pytest.mark.parametrize("ratio", [0.25, 0.5])
def test_pruning_gives_what_was_predicted(
    name: str, arguments: dict[str, Any], unit: Any, ratio: float, tmp_path: Path
) -> None:
    embedding = not any(part in name for part in NO_EMBEDDING) and ratio == 0.5
    config = PruneConfig(importance="l1", ratio=ratio, attention_unit=unit, embedding=embedding)
    model = _made(name, arguments, tmp_path)
    predicted = _predicted(name, arguments, config)
    assert (predicted.before.params, predicted.before.macs) == models.count(model)
    pruned = prune(model, config, batches=None, context=_context())
    assert predicted.after is not None
    assert (predicted.after.params, predicted.after.macs) == models.count(pruned)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [row for row in SHAPES if not row[0].startswith(OTHER_BLOCKS)],
    ids=[name for name, _ in SHAPES if not name.startswith(OTHER_BLOCKS)],
)
@pytest.mark.parametrize("tokens", [TokensConfig(merge=2), TokensConfig(per_block=(5, 3))])
def test_merging_tokens_gives_what_was_predicted(
    name: str, arguments: dict[str, Any], tokens: TokensConfig, tmp_path: Path
) -> None:
    pruning = PruneConfig(importance="l1", ratio=0.5)
    model = prune(_made(name, arguments, tmp_path), pruning, batches=None, context=_context())
    patches, depth = merged_tokens.size(model)
    merged_tokens.merge(model, Merging(merged=schedule.merged(tokens, patches=patches, depth=depth)))
    predicted = predict(
        catalog.load().get(name),
        model=ModelConfig(name=name, arguments=arguments),
        prune=pruning,
        quantize=QuantizeConfig(precision="fp32"),
        tokens=tokens,
    ).after
    assert predicted is not None
    assert (predicted.params, predicted.macs) == models.count(model)


@pytest.mark.parametrize("heads", [3, 6])
@pytest.mark.parametrize("ratio", [0.3, 0.5])
def test_what_is_pruned_for_four_bits_stays_in_them(heads: int, ratio: float, tmp_path: Path) -> None:
    arguments = {"img_size": 32, "patch_size": 8, "embed_dim": 192, "depth": 2, "num_heads": heads}
    config = with_settings(
        RunConfig(),
        {
            "quantize.precision": "int4",
            "prune.importance": "l1",
            "prune.ratio": ratio,
            "prune.embedding": True,
            "export.formats": ("pte",),
        },
    )
    model = _made("vit_tiny_patch16_224", arguments, tmp_path)
    pruned = prune(model, config.pruning, batches=None, context=_context())
    inputs = {layer.in_features for layer in pruned.modules() if isinstance(layer, nn.Linear)}
    assert all(fitting_group(width, 32) for width in inputs)
    assert max(inputs) < 4 * 192
    predicted = _predicted("vit_tiny_patch16_224", arguments, config.prune, "int4").after
    assert predicted is not None
    assert (predicted.params, predicted.macs) == models.count(pruned)


FAMILIES = (
    *("levit_128s", "mobilevit_xxs", "pit_ti_224", "efficientvit_b0"),
    *("edgenext_xx_small", "xcit_nano_12_p16_224", "pvt_v2_b0", "iformer_t", "visformer_tiny"),
)


@pytest.mark.parametrize("unit", ["width", "heads"])
@pytest.mark.parametrize("name", FAMILIES)
def test_other_architectures_are_predicted_within_two_per_cent(name: str, unit: Any, tmp_path: Path) -> None:
    config = PruneConfig(importance="l1", ratio=0.5, attention_unit=unit)
    model = _made(name, {}, tmp_path)
    predicted = _predicted(name, {}, config).after
    assert predicted is not None
    assert (predicted.params, predicted.macs) == pytest.approx(
        models.count(prune(model, config, batches=None, context=_context())), rel=0.02
    )


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vit_tiny_patch16_224", SHAPES[0][1]),
        ("vit_tiny_r_s16_p8_224", {"depth": 2}),
        ("mobilevit_xxs", {}),
        ("levit_128s", {}),
        ("crossvit_9_240", {}),
        ("pvt_v2_b0", {}),
    ],
)
def test_channels_of_the_input_are_predicted(
    name: str, arguments: dict[str, Any], channels: int, tmp_path: Path
) -> None:
    arguments = {**arguments, "in_chans": channels}
    predicted = _predicted(name, arguments, OFF)
    params, macs = models.count(_made(name, arguments, tmp_path))
    assert predicted.before.params == params
    assert predicted.before.macs == pytest.approx(macs, rel=0.001)


@pytest.mark.parametrize("precision", ["fp32", "int8-dynamic"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vit_tiny_patch16_224", {"img_size": 32, "patch_size": 4, "embed_dim": 96, "depth": 4, "num_heads": 3}),
        ("deit3_small_patch16_224", {"img_size": 32, "depth": 6, "num_classes": 10}),
        ("deit_tiny_patch16_224", {}),
    ],
)
def test_files_are_as_large_as_predicted(name: str, arguments: dict[str, Any], precision: Any, tmp_path: Path) -> None:
    model = _made(name, arguments, tmp_path)
    path = tmp_path / "model.ptl"
    example = torch.zeros(1, *models.preprocessing(model).input_size)
    lite_writer.save(quantize(model, precision), path, example=example, passes="freeze", description={})
    predicted = _predicted(name, arguments, OFF, precision).after
    assert predicted is not None
    assert predicted.file_bytes == pytest.approx(path.stat().st_size, rel=0.02)


@pytest.mark.parametrize(
    "name",
    [
        *("edgenext_xx_small", "levit_128s"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("coatnet_nano_rw_224", "efficientvit_m0", "gcvit_xxtiny", "xcit_nano_12_p16_224")
        ),
    ],
)
def test_files_of_other_architectures_are_as_large_as_predicted(name: str, tmp_path: Path) -> None:
    config = PruneConfig(importance="l1", ratio=0.25, attention_unit="heads")
    pruned = prune(_made(name, {}, tmp_path), config, batches=None, context=_context())
    example = torch.zeros(1, *models.preprocessing(pruned).input_size)
    checkpoint.save(pruned, tmp_path / "model.safetensors", base=checkpoint.Base(name=name))
    model = checkpoint.load(tmp_path / "model.safetensors")  # as a run does: an answer fills caches
    for precision in ("fp32", "fp16", "int8-dynamic"):
        path = tmp_path / f"{precision}.ptl"
        lite_writer.save(quantize(model, precision), path, example=example, passes="freeze", description={})
        predicted = _predicted(name, {}, config, precision).after
        assert predicted is not None
        assert predicted.file_bytes == pytest.approx(path.stat().st_size, rel=0.02), precision


def test_an_image_pixel_more_than_the_patches_is_the_models_own_matter(tmp_path: Path) -> None:
    arguments = {"img_size": 70, "depth": 1, "num_classes": 10}
    model = _made("deit_tiny_patch16_224", arguments, tmp_path)
    predicted = _predicted("deit_tiny_patch16_224", arguments, OFF)
    assert predicted.before.params == models.count(model)[0]


def test_recurrent_layers_are_counted() -> None:
    _, macs = models.count(_OneImage(nn.LSTM(8, 16, batch_first=True, bidirectional=True)).eval())
    assert macs == 2 * 64 * (4 * 16 * 8 + 4 * 16 * 16)


class _OneImage(nn.Module):
    """64 pixels of 8 values each, one after the other."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.pretrained_cfg = {"input_size": (8, 8, 8), "mean": (0.5,) * 8, "std": (0.5,) * 8}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layer(images.flatten(2).transpose(1, 2))[0]
        return answer
