"""Writes the models of the tests: make_models.py FOLDER.

tiny.ptl      two linear layers over an input of 1 x 3 x 8 x 8, with the answers to two inputs beside it
quantized.ptl the same with dynamic int8 weights
slow.ptl      runs for minutes
two.ptl       returns a tuple
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(192, 64)
        self.second = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(image.flatten(1))))


class Two(Tiny):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = torch.relu(self.first(image.flatten(1)))
        return self.second(hidden), hidden


class Slow(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(1)
        for _ in range(1_000_000_000):
            total = total + image.mean()
        return total


def save(model: nn.Module, path: Path) -> None:
    scripted = torch.jit.freeze(torch.jit.script(model.eval()))
    scripted._save_for_lite_interpreter(str(path))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    tiny = Tiny().eval()
    save(tiny, folder / "tiny.ptl")
    save(Two(), folder / "two.ptl")
    save(Slow(), folder / "slow.ptl")
    save(torch.ao.quantization.quantize_dynamic(tiny, {nn.Linear}), folder / "quantized.ptl")
    images = torch.rand(3, 3, 8, 8) * 2 - 1
    with torch.inference_mode():
        answers = tiny(images)
    (folder / "images.f32").write_bytes(images.numpy().astype("<f4").tobytes())
    (folder / "answers.f32").write_bytes(answers.numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main()
