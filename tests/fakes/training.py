"""Small images, a small ViT and a context that keeps what it is told, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from pqv_core.config.model import Argument
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models.checkpoint import Base
from pqv_core.process.events import Event, Log, Metric

FORM = Preprocessing(input_size=(3, 32, 32), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25), crop_pct=1.0)


def image_folder(
    root: Path, *, classes: Sequence[str] = ("blue", "green", "red"), each: int = 8, size: int = 24
) -> Path:
    """Noise with a tint a class, so that the classes can be told apart."""
    rng = np.random.default_rng(7)
    for index, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.integers(0, 120, (size, size, 3), dtype=np.uint8)
            pixels[..., index % 3] += 100
            Image.fromarray(pixels).save(root / name / f"{number:03}.png")
    return root


def tiny_vit(num_classes: int = 3, *, seed: int = 0, **arguments: Argument) -> nn.Module:
    """A ViT of 30 thousand parameters on 32 × 32 pixels."""
    torch.manual_seed(seed)
    shape: dict[str, Argument] = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
    return Base(name="vit_tiny_patch16_224", arguments={"num_classes": num_classes, **shape, **arguments}).create()


class Recorder:
    """Keeps all events; ``also`` sees each and may raise, as a kill would."""

    def __init__(self, also: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._also = also
        self.context = Context(run="test", send=self._take)

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self._also(event)

    def curve(self, name: str) -> dict[int, float]:
        """Values of a metric by step."""
        return {event.step: event.value for event in self.events if isinstance(event, Metric) and event.name == name}

    @property
    def lines(self) -> list[str]:
        """What was said to the person."""
        return [event.text for event in self.events if isinstance(event, Log)]
