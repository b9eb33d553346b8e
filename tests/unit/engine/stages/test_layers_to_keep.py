"""Layers to keep are looked for as soon as the model is there, long before it is quantized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pqv_core.config import RunConfig
from pqv_core.engine.models import checkpoint
from pqv_core.engine.stages import STAGES, RunState
from pqv_core.errors import QuantizeError
from tests.fakes.training import Recorder

ARGUMENTS = {"img_size": 16, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2, "num_classes": 2}
LOAD = STAGES[0]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("load")
    base = checkpoint.Base(name="vit_tiny_patch16_224", arguments=ARGUMENTS)
    checkpoint.save(base.create(), folder / "model.safetensors", base=base, classes=())
    return folder


def check(loaded: Path, **quantize: Any) -> None:
    config = RunConfig.parse({"quantize": quantize, "export": {"formats": ["pte"]}})
    state = RunState(Path("p.pqv"), config, Recorder().context)
    state.complete("load", key="", result={}, directory=loaded)
    LOAD.check(state)


@pytest.mark.parametrize("precision", ["int8-dynamic", "int4"])
def test_a_layer_that_is_not_there_is_refused(loaded: Path, precision: str) -> None:
    with pytest.raises(QuantizeError, match=r"blocks\.9"):
        check(loaded, precision=precision, keep=["head", "blocks.9"])


def test_nor_can_it_be_kept_in_eight_bits(loaded: Path) -> None:
    with pytest.raises(QuantizeError, match=r"blocks\.9"):
        check(loaded, precision="int4", keep_int8=["blocks.9"])


@pytest.mark.parametrize("name", ["head", "blocks", "blocks.0.mlp", "patch_embed.proj.linear"])
def test_layers_modules_and_what_becomes_a_layer_are_there(loaded: Path, name: str) -> None:
    check(loaded, precision="int4", keep=[name], keep_int8=[name])


@pytest.mark.parametrize("settings", [{"precision": "fp32", "keep": ["x"]}, {"keep_int8": ["x"]}])
def test_what_a_scheme_does_not_read_is_not_looked_for(loaded: Path, settings: dict[str, Any]) -> None:
    check(loaded, **settings)
