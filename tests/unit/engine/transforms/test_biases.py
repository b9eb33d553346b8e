"""Biases that stand beside a layer are put into it, and quantization takes it."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from pqv_core.engine.quantize import quantize
from pqv_core.engine.transforms.biases import fold_query_biases

MODELS: dict[str, dict[str, Any]] = {
    "beit_base_patch16_224": {"img_size": 32, "depth": 1, "embed_dim": 48, "num_heads": 2},
    "eva02_tiny_patch14_224": {"img_size": 28, "depth": 1, "embed_dim": 48, "num_heads": 2},
    "swinv2_tiny_window8_256": {
        "img_size": 64,
        "window_size": 4,
        "embed_dim": 16,
        "depths": (1, 1),
        "num_heads": (1, 2),
    },
}


@pytest.mark.parametrize("name", MODELS)
def test_the_answer_stays_and_int8_is_near(name: str) -> None:
    torch.manual_seed(0)
    model = timm.create_model(name, **MODELS[name], num_classes=7).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    images = torch.randn(1, 3, MODELS[name]["img_size"], MODELS[name]["img_size"])
    expected = model(images)
    quantized = torch.jit.trace(quantize(model, "int8-dynamic"), images)(images)
    assert (quantized - expected).norm() < 0.15 * expected.norm()
    fold_query_biases(model)
    torch.testing.assert_close(model(images), expected)
