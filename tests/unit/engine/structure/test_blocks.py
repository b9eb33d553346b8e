"""Blocks that can be left out as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.config import PruneConfig
from pqv_core.engine import structure
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune import structured
from pqv_core.engine.structure import blocks
from pqv_core.errors import ModelError
from tests.fakes.training import Recorder

PLAIN: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 4, "num_heads": 3, "num_classes": 5}
FAMILIES: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "plain": ("vit_tiny_patch16_224", PLAIN, 32, 4),
    "scaled branches": ("deit3_small_patch16_224", PLAIN, 32, 4),
    "windows": ("swin_tiny_patch4_window7_224", {"img_size": 56, "embed_dim": 24, "num_classes": 5}, 56, 12),
}
"""Name, arguments, size of the image, number of blocks."""


def made(family: str) -> tuple[nn.Module, Base, torch.Tensor]:
    name, arguments, size, _ = FAMILIES[family]
    base = Base(name=name, arguments=arguments)
    torch.manual_seed(0)
    return base.create().eval(), base, torch.randn(1, 3, size, size)


def found(model: nn.Module, image: torch.Tensor) -> list[blocks.Block]:
    return blocks.blocks(model, structure.widths(model, PruneConfig()), image)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_blocks_but_the_last_can_be_left_out(family: str) -> None:
    model, _, image = made(family)
    there = found(model, image)
    assert len(there) == FAMILIES[family][3] - 1
    assert all(len(block.widths) == 2 for block in there)


def test_what_does_not_add_to_its_tokens_cannot() -> None:
    model, _, image = made("plain")
    first: Any = model.get_submodule("blocks.0")
    kind = type(first)

    class Chained(kind):  # type: ignore[misc,valid-type]
        def forward(self, x: torch.Tensor, attn_mask: torch.Tensor | None = None) -> torch.Tensor:
            return self.mlp(self.norm2(self.attn(self.norm1(x))))

    first.__class__ = Chained
    assert [block.name for block in found(model, image)] == ["blocks.1", "blocks.2"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_without_some_answers_as_if_they_gave_nothing(family: str) -> None:
    model, _, image = made(family)
    block = found(model, image)[1]
    units = {width.name: width.units for width in structure.widths(model, PruneConfig())}
    units |= dict.fromkeys(block.widths, 0)
    left = structured.cut_evenly(model, PruneConfig(), units, tuple(image.shape), Recorder().context)
    with torch.no_grad():
        for name in block.widths:
            for parameter in model.get_submodule(name).parameters():
                parameter.zero_()
        torch.testing.assert_close(left(image), model(image))
    assert blocks.left_out(left) == (block.name,)
    torch.jit.script(left)


def test_a_checkpoint_remembers_what_was_left_out(tmp_path: Path) -> None:
    model, base, image = made("plain")
    blocks.leave_out(model, ["blocks.1"])
    checkpoint.save(model, tmp_path / "a.safetensors", base=base)
    again = checkpoint.load(tmp_path / "a.safetensors")
    assert blocks.left_out(again) == ("blocks.1",)
    with torch.no_grad():
        assert torch.equal(again(image), model(image))
    assert checkpoint.read_recipe(tmp_path / "a.safetensors").format == checkpoint.FORMAT


def test_a_recipe_that_leaves_out_what_is_not_there_is_refused(tmp_path: Path) -> None:
    model, base, _ = made("plain")
    recipe = checkpoint.recipe(model, base).model_copy(update={"left_out": ("nothing.0",)})
    with pytest.raises(ModelError, match="does not fit the model"):
        checkpoint.build(recipe, dict(model.state_dict()), path=tmp_path / "a.safetensors")
