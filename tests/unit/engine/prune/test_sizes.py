"""What is predicted of a file's size is near what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.config import RunConfig
from pqv_core.engine import structure
from pqv_core.engine.latency.trial import Trial
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune.sizes import size_lines
from tests.fakes.training import Recorder

SIZES: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 3, "num_heads": 3, "num_classes": 5}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return Base(name="vit_tiny_patch16_224", arguments=SIZES).create().eval()


@pytest.mark.parametrize("keep", [(), ("blocks.0", "patch_embed.proj")])
def test_a_file_is_about_as_large_as_predicted(model: nn.Module, tmp_path: Path, keep: tuple[str, ...]) -> None:
    config = RunConfig.parse(
        {
            "model": {"name": "vit_tiny_patch16_224", "arguments": SIZES},
            "quantize": {"precision": "int8-dynamic", "keep": keep},
            "export": {"formats": ["ptl"]},
            "budget": {"size_mb": 1.0},
        }
    )
    context = Recorder().context
    line = size_lines(model, config, "ptl", "int8-dynamic", context)
    whole = {width.name: width.units for width in structure.widths(model, config.pruning)}
    narrower = {name: units // 2 for name, units in whole.items()}
    trial = Trial(model, config, None, tmp_path, context)
    for units in (whole, narrower):
        predicted = line.rest(whole) + sum(each * units[name] for name, each in line.units.items())
        assert predicted == pytest.approx(trial(units).size, rel=0.05)
