"""Position embeddings of one resolution for a model of another."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch.nn.functional as F  # noqa: N812
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor

_NAME = re.compile(r"(.*\.)?pos_embed(_?\d+)?")


def resampled(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with its absolute position embeddings in the shapes of ``wanted``, by bicubic interpolation.

    For families whose own adaptation timm does not have. What has another number of channels, or is no square grid, is
    left as it is.
    """
    found = dict(state)
    for name, tensor in state.items():
        target = wanted.get(name)
        if target is not None and target.shape != tensor.shape and _NAME.fullmatch(name):
            found[name] = _resampled(tensor, target)
    return found


def _resampled(tensor: Tensor, target: Tensor) -> Tensor:
    if tensor.ndim != target.ndim or tensor.shape[0] != target.shape[0] or tensor.ndim not in (3, 4):
        return tensor
    if tensor.ndim == 3:
        return _tokens(tensor, target)
    if tensor.shape[1] == target.shape[1]:  # channels first
        return F.interpolate(tensor, size=target.shape[2:], mode="bicubic", antialias=True)
    if tensor.shape[3] == target.shape[3]:
        first = tensor.permute(0, 3, 1, 2)
        return F.interpolate(first, size=target.shape[1:3], mode="bicubic", antialias=True).permute(0, 2, 3, 1)
    return tensor


def _tokens(tensor: Tensor, target: Tensor) -> Tensor:
    """Of shape (1, tokens, channels): a square grid, perhaps with class tokens before it."""
    prefix = next((count for count in range(6) if _is_square(tensor, count) and _is_square(target, count)), None)
    if prefix is None or tensor.shape[2] != target.shape[2]:
        return tensor
    side = math.isqrt(target.shape[1] - prefix)
    return resample_abs_pos_embed(tensor, [side, side], num_prefix_tokens=prefix)


def _is_square(tensor: Tensor, prefix: int) -> bool:
    grid = tensor.shape[1] - prefix
    return grid > 0 and math.isqrt(grid) ** 2 == grid
