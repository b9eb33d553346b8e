"""Results are written over what nothing reads any more, and never over anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.formats.ptl.inplace import write_in_place
from pqv_core.engine.quantize import quantize
from pqv_core.formats.ptl import ptl_file as ptl

SHAPE = (1, 3, 8, 8)


# What is tested is the form that the Lite Interpreter takes.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")


class Layers(nn.Module):
    """What the modules of these tests share: two layers over the last dimension of images (N, 3, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(8, 16)
        self.narrow = nn.Linear(16, 8)


class Residual(Layers):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(functional.gelu(self.wide(x)))


class ReadTwice(Layers):
    def forward(self, x: Tensor) -> Tensor:
        y = self.wide(x)
        return functional.gelu(y) * y


class ThroughAView(Layers):
    def forward(self, x: Tensor) -> Tensor:
        y = self.wide(x)
        return functional.gelu(y.flatten(1)).sum() + y


class Scaled(Layers):
    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, functional.gelu(self.narrow(self.wide(x))), alpha=2)


class OfTheInput(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(x)


class InALoop(Layers):
    def forward(self, x: Tensor) -> Tensor:
        y = self.wide(x)
        total = torch.zeros_like(y)
        for _ in range(x.size(0)):
            total = total + functional.gelu(y)
        return total


class Broadcast(Layers):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(self.wide(x.mean(dim=(0, 1, 2))))


def operators(module: nn.Module) -> tuple[int, list[str]]:
    torch.manual_seed(0)
    graph = torch.jit.freeze(torch.jit.script(module.eval())).graph
    return write_in_place(graph), [node.kind() for node in graph.nodes()]


def test_an_activation_and_a_residual_sum_need_no_memory() -> None:
    rewritten, kinds = operators(Residual())
    assert rewritten == 2
    assert {"aten::gelu_", "aten::add_"} <= set(kinds)


@pytest.mark.parametrize("module", [ReadTwice, ThroughAView, OfTheInput])
def test_what_is_read_again_is_kept(module: type[nn.Module]) -> None:
    _, kinds = operators(module())
    assert "aten::gelu" in kinds and "aten::gelu_" not in kinds


def test_a_scaled_branch_is_not_taken_for_the_sum() -> None:
    _, kinds = operators(Scaled())
    assert "aten::add" in kinds
    assert "aten::gelu_" in kinds


@pytest.mark.parametrize("module", [Residual, ReadTwice, ThroughAView, Scaled, OfTheInput, InALoop, Broadcast])
def test_a_file_answers_as_its_module_whatever_was_rewritten(module: type[nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = module().eval()
    lite_writer.save(model, tmp_path / "a.ptl", example=torch.zeros(SHAPE), passes="freeze", description={})
    loaded = lite.open_file(tmp_path / "a.ptl", engine="")
    images = torch.randn(3, *SHAPE[1:])
    kept = images.clone()
    with torch.inference_mode():
        assert torch.allclose(loaded.run(images), model(images), atol=1e-6)
        assert torch.equal(loaded.run(images), loaded.run(images))
    assert torch.equal(images, kept)


def test_a_vision_transformer_is_written_so(tmp_path: Path) -> None:
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=96, depth=2, num_heads=3)
    for name, module in {"fp32": model.eval(), "int8": quantize(model.eval(), "int8-dynamic")}.items():
        path = tmp_path / f"{name}.ptl"
        lite_writer.save(module, path, example=torch.zeros(1, 3, 32, 32), passes="freeze", description={})
        assert {"aten::gelu_", "aten::add_.Tensor"} <= set(ptl.read(path).operators)
