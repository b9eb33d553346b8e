"""Writes the ExecuTorch files of the tests: make_pte_models.py FOLDER. Needs executorch 1.3.

tiny.pte       two linear layers over an input of 1 x 3 x 8 x 8, by XNNPACK, with the answers to three inputs beside it
int8.pte       the same with dynamic int8 weights
portable.pte   the same without XNNPACK, its output in another order of dimensions
two.pte        returns two tensors, and states what it is by a method `pqv`
slow.pte       runs for some seconds
whole.pte      takes whole numbers
pair.pte       takes two images
other.pte      has no method `forward`
unknown.pte    needs an operator that no runtime has
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.exir import to_edge_transform_and_lower
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

IMAGE = (torch.zeros(1, 3, 8, 8),)


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(192, 8)
        self.second = nn.Linear(8, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(image.flatten(1))))


class Two(Tiny):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = torch.relu(self.first(image.flatten(1)))
        return self.second(hidden), hidden


class Portable(nn.Module):
    """Its result lies in memory by columns."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.sin(image).to(memory_format=torch.channels_last)


class Slow(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        wide = image.mean() + torch.zeros(4096, 4096)
        for _ in range(20):
            wide = torch.sin(wide)
        return wide.mean().reshape(1, 1)


class Whole(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * 2


class Pair(nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first + second


def save(
    model: nn.Module | torch.fx.GraphModule,
    path: Path,
    *,
    inputs: tuple[torch.Tensor, ...] = IMAGE,
    delegated: bool = True,
    method: str = "forward",
    description: str = "",
) -> None:
    exported = torch.export.export(model, inputs, strict=True)
    lowered = to_edge_transform_and_lower(
        {method: exported},
        partitioner=[XnnpackPartitioner()] if delegated else [],
        constant_methods={"pqv": description} if description else None,
    )
    path.write_bytes(lowered.to_executorch().buffer)


def quantized(model: nn.Module) -> torch.fx.GraphModule:
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True))
    prepared = prepare_pt2e(torch.export.export(model, IMAGE, strict=True).module(), quantizer)
    prepared(*IMAGE)
    return convert_pt2e(prepared)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    tiny = Tiny().eval()
    save(tiny, folder / "tiny.pte")
    save(quantized(tiny), folder / "int8.pte")
    save(Portable(), folder / "portable.pte", delegated=False)
    save(Two(), folder / "two.pte", description='{"pqv": 1}')
    save(Slow(), folder / "slow.pte", delegated=False)
    save(Whole(), folder / "whole.pte", inputs=(torch.zeros(1, 3, 8, 8, dtype=torch.int64),), delegated=False)
    save(Pair(), folder / "pair.pte", inputs=IMAGE * 2)
    save(tiny, folder / "other.pte", method="encode")
    unknown = (folder / "portable.pte").read_bytes()
    (folder / "unknown.pte").write_bytes(unknown.replace(b"aten::sin", b"aten::zin"))
    images = torch.rand(3, 3, 8, 8) * 2 - 1
    with torch.inference_mode():
        answers = tiny(images)
    (folder / "images.f32").write_bytes(images.numpy().astype("<f4").tobytes())
    (folder / "answers.f32").write_bytes(answers.numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main()
