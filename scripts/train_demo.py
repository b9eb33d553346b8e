"""Train the demo's Vision Transformer on the digits and write it to ``resources/demo``.

A few minutes on two cores: ``python -m scripts.train_demo [--epochs N]``. Validation images are only looked at for
the figure that is printed, never to choose a state: the last (averaged) weights are kept.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.project import demo

OUTPUT = Path(__file__).resolve().parents[1] / "resources" / "demo" / demo.WEIGHTS_FILE
BATCH = 64
PEAK_LEARNING_RATE = 2e-3
AVERAGE = 0.99


def load(folder: Path) -> tuple[Tensor, Tensor]:
    """All images of an ImageFolder as (N, 3, 32, 32), prepared like timm's vit_tiny wants them, and their labels."""
    side = 32
    larger = math.floor(side / 0.9)  # timm: resize to size / crop_pct, then crop the centre
    start = round((larger - side) / 2)
    images, labels = [], []
    for path in sorted(folder.glob("*/*.png")):
        with Image.open(path) as file:
            image = file.convert("RGB").resize((larger, larger), Image.Resampling.BICUBIC)
        pixels = np.asarray(image.crop((start, start, start + side, start + side)), np.float32) / 255
        images.append(torch.from_numpy(pixels).permute(2, 0, 1) * 2 - 1)
        labels.append(int(path.parent.name))
    return torch.stack(images), torch.tensor(labels)


def jittered(images: Tensor) -> Tensor:
    """The images, each turned by up to 12°, scaled by up to 10 % and moved by up to 2 pixels."""
    count = len(images)
    angle = (torch.rand(count) - 0.5) * math.radians(24)
    scale = 1 + (torch.rand(count) - 0.5) * 0.2
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = angle.cos() * scale
    theta[:, 0, 1] = -angle.sin() * scale
    theta[:, 1, 0] = angle.sin() * scale
    theta[:, :, 2] = (torch.rand(count, 2) - 0.5) * 2 * (2 / 16)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images + 1, grid, align_corners=False) - 1  # outside is black


def top1(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of images whose first class is right."""
    model.eval()
    with torch.inference_mode():
        right = sum(
            int((model(x).argmax(1) == y).sum()) for x, y in zip(images.split(120), labels.split(120), strict=True)
        )
    return right / len(labels)


def train(model: nn.Module, images: Tensor, labels: Tensor, *, epochs: int) -> nn.Module:
    """AdamW with warm-up and a cosine; returns the exponential average of the weights."""
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=0.05)
    steps = epochs * (len(labels) // BATCH)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        model.train()
        began = time.monotonic()
        for chosen in torch.randperm(len(labels)).split(BATCH)[: len(labels) // BATCH]:
            loss = functional.cross_entropy(model(jittered(images[chosen])), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            averaged.update_parameters(model)
        print(f"epoch {epoch + 1}/{epochs}: loss {loss.item():.3f}, {time.monotonic() - began:.1f} s", flush=True)
    return averaged.module


def main() -> None:
    """Train, print the accuracy, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        demo.unpack_images(Path(folder))
        train_set, val_set = load(Path(folder, "train")), load(Path(folder, "val"))
    model = timm.create_model(demo.MODEL, **demo.ARGUMENTS)
    model = train(model, *train_set, epochs=options.epochs)
    print(f"top-1: train {top1(model, *train_set):.4f}, val {top1(model, *val_set):.4f} of {len(val_set[1])} images")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
