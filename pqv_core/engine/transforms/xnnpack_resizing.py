"""Resizing of images and maps of features, and their windows, as products and convolutions that XNNPACK computes.

Interpolation is linear and separable (Keys 1981, eq. 4): rows and columns are each multiplied by a matrix of fixed
weights. ExecuTorch 1.3 leaves the bicubic one (CrossViT's second branch) to gathering by index, and its bilinear one
for XNNPACK takes other neighbours at the borders (EfficientFormer V2: logits 2 % off).

Unnecessary once XNNPACK's partitioner takes both with PyTorch's answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pqv_core.engine.transforms.rewriting import Rewritings, rewrites

TABLE: Rewritings = {}
_aten: Any = torch.ops.aten
_Along = Callable[[Tensor, list[int] | None, list[float] | None], Tensor]
"""Resizes (N, C, H, W), by sizes or by factors."""


@rewrites(TABLE, _aten.upsample_bicubic2d.vec)
def _bicubic(x: Tensor, size: Sequence[int] | None, corners: bool, factors: Sequence[float] | None) -> Tensor:
    return _by_products(x, size, factors, lambda *to: _aten.upsample_bicubic2d.vec(to[0], to[1], corners, to[2]))


@rewrites(TABLE, _aten.upsample_bilinear2d.vec)
def _bilinear(x: Tensor, size: Sequence[int] | None, corners: bool, factors: Sequence[float] | None) -> Tensor:
    return _by_products(x, size, factors, lambda *to: _aten.upsample_bilinear2d.vec(to[0], to[1], corners, to[2]))


@rewrites(TABLE, _aten.im2col.default)
def _unfold(
    x: Tensor, kernel: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]
) -> Tensor:
    """Windows (N, C · h · w, windows) of an image, by a convolution that moves each value to a channel of its own."""
    moves = _moves(x, x.shape[1], kernel)
    return functional.conv2d(x, moves, None, stride, padding, dilation, x.shape[1]).flatten(2)


@rewrites(TABLE, _aten.col2im.default)
def _fold(
    x: Tensor,
    size: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Tensor:
    """The sum of windows where they came from (VOLO, Yuan et al. 2021, eq. 4): the transposed convolution."""
    reach = [dilation[axis] * (kernel[axis] - 1) + 1 - 2 * padding[axis] for axis in range(2)]
    counts = [(size[axis] - reach[axis]) // stride[axis] + 1 for axis in range(2)]
    rest = [size[axis] - reach[axis] - (counts[axis] - 1) * stride[axis] for axis in range(2)]
    channels = x.shape[1] // (kernel[0] * kernel[1])
    moves = _moves(x, channels, kernel)
    return functional.conv_transpose2d(x.unflatten(2, counts), moves, None, stride, padding, rest, channels, dilation)


def _moves(x: Tensor, channels: int, kernel: Sequence[int]) -> Tensor:
    """(channels · h · w, 1, h, w): for each channel and place of a window the kernel that is one there."""
    places = kernel[0] * kernel[1]
    return torch.eye(places, dtype=x.dtype).reshape(places, 1, *kernel).repeat(channels, 1, 1, 1)


def _by_products(x: Tensor, size: Sequence[int] | None, factors: Sequence[float] | None, resize: _Along) -> Tensor:
    if x.shape[-1] == 1:
        return NotImplemented  # one of the matrices below, which is worked out once
    for axis in range(2):
        matrix = _matrix(x, size[axis] if size else None, factors[axis] if factors else None, axis, resize)
        x = (x.transpose(-1, -2) @ matrix).transpose(-1, -2) if axis == 0 else x @ matrix
    return x


def _matrix(x: Tensor, size: int | None, factor: float | None, axis: int, resize: _Along) -> Tensor:
    """(before, after), along height or width: what becomes of each unit vector."""
    before = x.shape[2 + axis]
    units = torch.eye(before, dtype=x.dtype).reshape(1, before, before, 1)
    return resize(units, [size, 1] if size else None, [factor, 1.0] if factor else None).reshape(before, -1)
