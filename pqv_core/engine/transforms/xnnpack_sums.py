"""Norms, means and sums in the one form in which XNNPACK computes a mean.

It averages a tensor of four axes over its last two and keeps them; ExecuTorch 1.3 leaves every other mean, and all
norms, to portable kernels that are many times slower. Values that are averaged together are therefore brought into a
(1, N, 1, C) view: LayerNorm (Ba et al. 2016, eq. 3 and 4), RMSNorm (Zhang and Sennrich 2019, eq. 4), GroupNorm (Wu and
He 2018, eq. 1), and what is written as means, such as ConvNeXt V2's GRN.

Unnecessary once XNNPACK's partitioner takes ``native_layer_norm`` and means over other axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pqv_core.engine.transforms.rewriting import Rewritings, axes, count, rewrites

TABLE: Rewritings = {}
_aten: Any = torch.ops.aten
_LAST = (-1, -2)  # ExecuTorch 1.3 takes negative ones only
_FEW = 16


def _standardized(rows: Tensor, eps: float) -> Tensor:
    """(1, N, 1, C) less its mean over C, over its standard deviation."""
    apart = rows - rows.mean(_LAST, keepdim=True)
    return apart * torch.rsqrt((apart * apart).mean(_LAST, keepdim=True) + eps)


def _scaled(values: Tensor, weight: Tensor | None, bias: Tensor | None, shape: Sequence[int]) -> Tensor:
    if weight is not None:
        values = values * weight.reshape(shape)
    return values if bias is None else values + bias.reshape(shape)


@rewrites(TABLE, _aten.layer_norm.default)
def _layer_norm(
    x: Tensor,
    shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    size = count(x, range(x.dim() - len(shape), x.dim()))
    return _scaled(_standardized(x.reshape(1, -1, 1, size), eps), weight, bias, (size,)).reshape(x.shape)


@rewrites(TABLE, _aten.rms_norm.default)
def _rms_norm(x: Tensor, shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    size = count(x, range(x.dim() - len(shape), x.dim()))
    rows = x.reshape(1, -1, 1, size)
    least = torch.finfo(x.dtype).eps if eps is None else eps
    rows = rows * torch.rsqrt((rows * rows).mean(_LAST, keepdim=True) + least)
    return _scaled(rows, weight, None, (size,)).reshape(x.shape)


@rewrites(TABLE, _aten.group_norm.default)
def _group_norm(
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    n, channels = x.shape[:2]
    values = _standardized(x.reshape(1, n * groups, 1, -1), eps).reshape(x.shape)
    return _scaled(values, weight, bias, (1, channels, *[1] * (x.dim() - 2)))


@rewrites(TABLE, _aten.mean.dim)
def _mean(x: Tensor, dims: Sequence[int] | None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    over = axes(dims, x.dim())
    if (x.dim() == 4 and keepdim and tuple(dims or ()) == _LAST) or dtype not in (None, x.dtype):
        return NotImplemented
    rest = [dim for dim in range(x.dim()) if dim not in over]
    rows = x if rest + over == list(range(x.dim())) else x.permute(rest + over)
    means = rows.reshape(1, -1, 1, count(x, over)).mean(_LAST, keepdim=True)
    return means.reshape([1 if dim in over else x.shape[dim] for dim in range(x.dim()) if keepdim or dim in rest])


@rewrites(TABLE, _aten.mean.default)
def _mean_of_all(x: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    return x.mean(tuple(range(x.dim())), dtype=dtype)


@rewrites(TABLE, _aten.sum.dim_IntList)
def _sum(x: Tensor, dims: Sequence[int] | None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    if not x.is_floating_point() or dtype not in (None, x.dtype):
        return NotImplemented
    over = axes(dims, x.dim())
    return x.mean(over, keepdim=keepdim) * float(count(x, over))


@rewrites(TABLE, _aten.var.correction)
def _variance(
    x: Tensor, dims: Sequence[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    over = axes(dims, x.dim())
    size = count(x, over)
    apart = x - x.mean(over, keepdim=True)
    return (apart * apart).mean(over, keepdim=keepdim) * (size / (size - (1 if correction is None else correction)))


@rewrites(TABLE, _aten.std.correction)
def _deviation(
    x: Tensor, dims: Sequence[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    return _variance(x, dims, correction=correction, keepdim=keepdim).sqrt()


@rewrites(TABLE, _aten.var.dim)
def _variance_of(x: Tensor, dims: Sequence[int] | None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
    return _variance(x, dims, correction=float(unbiased), keepdim=keepdim)


@rewrites(TABLE, _aten.std.dim)
def _deviation_of(x: Tensor, dims: Sequence[int] | None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
    return _variance(x, dims, correction=float(unbiased), keepdim=keepdim).sqrt()


@rewrites(TABLE, _aten.linalg_vector_norm.default)
def _length(
    x: Tensor,
    order: float = 2,
    dims: Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    if order != 2 or dtype not in (None, x.dtype):
        return NotImplemented
    return (x * x).sum(axes(dims, x.dim()), keepdim=keepdim).sqrt()


@rewrites(TABLE, _aten.norm.ScalarOpt_dim)
def _norm(x: Tensor, order: float | None, dims: Sequence[int], keepdim: bool = False) -> Tensor:
    return _length(x, 2 if order is None else order, dims, keepdim)


@rewrites(TABLE, _aten.amax.default)
def _largest(x: Tensor, dims: Sequence[int] = (), keepdim: bool = False) -> Tensor:
    """Of a few values, such as Hiera's queries of a unit (Ryali et al. 2023, §3), in pairs."""
    over = axes(dims, x.dim())
    if len(over) != 1 or x.shape[over[0]] > _FEW:
        return NotImplemented
    first, *others = x.split(1, over[0])
    for other in others:
        first = torch.maximum(first, other)
    return first if keepdim else first.squeeze(over[0])


@rewrites(TABLE, _aten.adaptive_avg_pool2d.default)
def _pool_all(x: Tensor, size: Sequence[int]) -> Tensor:
    return x.mean(_LAST, keepdim=True) if list(size) == [1, 1] else NotImplemented


@rewrites(TABLE, _aten.adaptive_avg_pool1d.default)
def _pool_row(x: Tensor, size: Sequence[int]) -> Tensor:
    return x.mean((-1,), keepdim=True) if list(size) == [1] else NotImplemented


@rewrites(TABLE, _aten.avg_pool1d.default)
def _average_row(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Of pieces that follow each other, as Next-ViT's keys (Li et al. 2022, §3.3)."""
    size, length = kernel[0], x.shape[-1]
    if (stride and list(stride) != [size]) or any(padding) or (ceil_mode and length % size):
        return NotImplemented
    return x[..., : length // size * size].unflatten(-1, (length // size, size)).mean(-1)
