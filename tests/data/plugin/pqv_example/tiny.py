"""The model source itself. Loaded by the worker process only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models.sources import ModelSource
from pqv_core.errors import ModelError

NAME = "tiny_vit"


class Block(nn.Module):
    """Attention and an MLP, each behind a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        n, count, width = tokens.shape
        parts = self.qkv(self.norm1(tokens)).reshape(n, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(n, count, width)
        tokens = tokens + self.proj(mixed)
        return tokens + self.mlp(self.norm2(tokens))


class TinyViT(nn.Module):
    """Patches, blocks and a head on the mean of the tokens."""

    def __init__(self, *, num_classes: int = 10, in_chans: int = 3, img_size: int = 32, depth: int = 2) -> None:
        super().__init__()
        patch, width = 8, 32
        self.num_classes, self.input_size = num_classes, (in_chans, img_size, img_size)
        self.patches = nn.Conv2d(in_chans, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (img_size // patch) ** 2, width))
        self.blocks = nn.Sequential(*(Block(width, heads=2) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(tokens)).mean(1))


class Tiny(ModelSource):
    """Publishes no weights."""

    version = "1"

    def require_known(self, name: str) -> None:
        if name != NAME:
            raise ModelError(f"Tiny has no model named {name!r}.", action=f"Did you mean {NAME}?")

    def create(self, name: str, arguments: Mapping[str, Any]) -> nn.Module:
        return TinyViT(**arguments)

    def preprocessing(self, model: nn.Module) -> Preprocessing:
        channels = model.input_size[0]
        return Preprocessing(model.input_size, mean=(0.5,) * channels, std=(0.5,) * channels, crop_pct=1.0)

    def classifiers(self, model: nn.Module) -> tuple[str, ...]:
        return ("head",)

    def renew_head(self, model: nn.Module, classes: int) -> None:
        model.head, model.num_classes = nn.Linear(model.head.in_features, classes), classes
