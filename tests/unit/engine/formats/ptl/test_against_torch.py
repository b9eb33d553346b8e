"""Our reader of ``.ptl`` files says what torch's own says."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from torch.jit.mobile import _get_model_bytecode_version, _get_model_ops_and_info

from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.quantize import quantize
from pqv_core.formats.ptl import ptl_file as ptl


@pytest.mark.parametrize("precision", ["fp32", "int8-dynamic"])
def test_the_operators_are_those_that_torch_finds(tmp_path: Path, precision: str) -> None:
    model: nn.Module = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=96, depth=1, num_heads=3, num_classes=10
    ).eval()
    if precision != "fp32":
        model = quantize(model, precision)
    path = tmp_path / "a.ptl"
    about = {"preprocessing": {"input_size": [3, 32, 32]}}
    lite_writer.save(model, path, example=torch.zeros(1, 3, 32, 32), passes="freeze", description=about)
    found = ptl.read(path)
    known = _get_model_ops_and_info(str(path))
    assert found.bytecode == _get_model_bytecode_version(str(path))
    assert found.operators == {name: info.num_schema_args for name, info in known.items()}
    assert found.input_shape == (1, 3, 32, 32)
