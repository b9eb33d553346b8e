"""A file stores a table of positions, or a layer, once, however often the model has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from pqv_core.config.quantize import Precision
from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.measure.parity import parity
from pqv_core.engine.quantize import quantize
from pqv_core.engine.transforms.position_tables import share_equal_tables

IMAGE = torch.zeros(1, 3, 64, 64)
TABLE_BYTES = 64 * 64 * 8


def size(model: nn.Module, folder: Path, precision: Precision = "fp32") -> int:
    path = folder / f"{precision}.ptl"
    lite_writer.save(quantize(model.eval(), precision), path, example=IMAGE, passes="freeze", description={})
    torch.testing.assert_close(lite.open_file(path, engine="").run(IMAGE + 1), model(IMAGE + 1), rtol=1e-2, atol=1e-2)
    return path.stat().st_size


class Shifted(nn.Module):
    def __init__(self, first: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(first, first + 64 * 64).view(64, 64))

    def forward(self, images: Tensor) -> Tensor:
        return images + self.table


class Branches(nn.Module):
    """As timm's windowed attentions: one layer, whether the image is padded or not."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 64, 16, bias=False), nn.BatchNorm2d(64))

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[2] < 32:
            return self.layer(nn.functional.pad(images, (0, 32, 0, 32)))
        return self.layer(images)


class Untyped(nn.Module):
    """TorchScript does not compile it, so it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 512)

    def forward(self, *images: Any) -> Tensor:
        answer: Tensor = self.layer(images[0])
        return answer


def test_equal_tables_are_stored_once(tmp_path: Path) -> None:
    alike, unlike = (size(nn.Sequential(Shifted(0), Shifted(first)), tmp_path) for first in (0, 1))
    assert alike < 2 * TABLE_BYTES < unlike
    assert unlike - alike == pytest.approx(TABLE_BYTES, rel=0.05)


@pytest.mark.parametrize(("count", "shared"), [(16_383, False), (16_384, True)])
def test_equal_tables_are_shared_from_16_kib_on(count: int, shared: bool) -> None:
    model = nn.Sequential(nn.Identity(), nn.Identity())
    for layer in model:
        layer.register_buffer("table", torch.ones(count, dtype=torch.uint8))
    share_equal_tables(model)
    assert (model[0].table is model[1].table) is shared


def test_equal_parameters_stay_apart() -> None:
    model = nn.Sequential(nn.Linear(128, 128), nn.Linear(128, 128)).requires_grad_(False)
    for layer in model:
        layer.weight.fill_(1.0)
    share_equal_tables(model)
    assert model[0].weight is not model[1].weight


def test_a_layer_in_both_branches_is_stored_once(tmp_path: Path) -> None:
    weights = 64 * 3 * 16 * 16 * 4
    assert weights < size(Branches(), tmp_path) < 1.3 * weights


def test_what_is_traced_is_halved_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Untyped()
    assert size(model, tmp_path, "fp16") < size(model, tmp_path, "fp32") - 0.4 * model.layer.weight.nbytes


@pytest.mark.parametrize(("precision", "tolerance"), [("fp16", 1e-3), ("int8-dynamic", 0.25)])
def test_a_model_that_has_seen_no_image_yet_is_compressed(
    tmp_path: Path, precision: Precision, tolerance: float
) -> None:
    torch.manual_seed(0)
    model = timm.create_model(
        "convit_tiny", depth=2, local_up_to_layer=1, embed_dim=12, img_size=64, num_classes=10
    ).eval()
    path = tmp_path / "model.ptl"
    lite_writer.save(quantize(model, precision), path, example=IMAGE, passes="freeze", description={})
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert parity(lite.open_file(path, engine="").run(image), model(image)).relative < tolerance
