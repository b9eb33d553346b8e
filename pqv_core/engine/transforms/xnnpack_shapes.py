"""Cutting, joining and reordering in views, slices, transpositions and concatenations, which XNNPACK does itself.

``torch`` has many more words for them, which ExecuTorch 1.3 leaves to portable kernels: ``unbind`` and ``split`` of
queries, keys and values, ``select`` of the class token, ``expand`` over a batch of one, ``roll`` of Swin's shifted
windows (Liu et al. 2021, §3.2). They move values and compute nothing, so answers stay the very same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pqv_core.engine.transforms.rewriting import Rewritings, axes, rewrites

TABLE: Rewritings = {}
_aten: Any = torch.ops.aten
_MOST_AXES = 6


def _part(x: Tensor, dim: int, begin: int, end: int) -> Tensor:
    part: Tensor = _aten.slice.Tensor(x, dim, begin, end)
    return part


def _parts(x: Tensor, sizes: Sequence[int], dim: int) -> list[Tensor]:
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    return [_part(x, dim, end - size, end) for end, size in zip(ends, sizes, strict=True)]


@rewrites(TABLE, _aten.slice.Tensor)
def _slice(x: Tensor, dim: int = 0, begin: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """Every second value (EVA's rotation, Su et al. 2021, eq. 34; LeViT's fewer queries) as one of each row."""
    if step == 1 or x.dim() == _MOST_AXES:
        return NotImplemented
    dim %= x.dim()
    first, last, _ = slice(begin, end, step).indices(x.shape[dim])
    count = len(range(first, last, step))
    whole = min(count, (x.shape[dim] - first) // step)  # the last row may be cut
    rows = _part(x, dim, first, first + whole * step).unflatten(dim, (whole, step))
    taken = rows.select(dim + 1, 0)
    at = first + whole * step
    return taken if whole == count else torch.cat([taken, _part(x, dim, at, at + 1)], dim)


@rewrites(TABLE, _aten.select.int)
def _select(x: Tensor, dim: int, index: int) -> Tensor:
    dim, index = dim % x.dim(), index % x.shape[dim]
    return _part(x, dim, index, index + 1).reshape([size for axis, size in enumerate(x.shape) if axis != dim])


@rewrites(TABLE, _aten.unbind.int)
def _unbind(x: Tensor, dim: int = 0) -> list[Tensor]:
    return [x.select(dim, index) for index in range(x.shape[dim])]


@rewrites(TABLE, _aten.split.Tensor)
def _split(x: Tensor, size: int, dim: int = 0) -> list[Tensor]:
    whole = x.shape[dim]
    return _parts(x, [min(size, whole - begin) for begin in range(0, whole, size)], dim)


@rewrites(TABLE, _aten.split_with_sizes.default, _aten.split.sizes)
def _split_sizes(x: Tensor, sizes: Sequence[int], dim: int = 0) -> list[Tensor]:
    return _parts(x, sizes, dim)


@rewrites(TABLE, _aten.chunk.default)
def _chunk(x: Tensor, chunks: int, dim: int = 0) -> list[Tensor]:
    return _split(x, -(-x.shape[dim] // chunks), dim)


@rewrites(TABLE, _aten.tensor_split.sections)
def _tensor_split(x: Tensor, sections: int, dim: int = 0) -> list[Tensor]:
    size, longer = divmod(x.shape[dim], sections)
    return _parts(x, [size + (place < longer) for place in range(sections)], dim)


@rewrites(TABLE, _aten.squeeze.default)
def _squeeze(x: Tensor) -> Tensor:
    return x.reshape([size for size in x.shape if size != 1])


@rewrites(TABLE, _aten.squeeze.dim, _aten.squeeze.dims)
def _squeeze_axes(x: Tensor, dims: int | Sequence[int]) -> Tensor:
    over = axes(dims, x.dim())
    return x.reshape([size for axis, size in enumerate(x.shape) if axis not in over or size != 1])


@rewrites(TABLE, _aten.unsqueeze.default)
def _unsqueeze(x: Tensor, dim: int) -> Tensor:
    shape = list(x.shape)
    shape.insert(dim % (x.dim() + 1), 1)
    return x.reshape(shape)


@rewrites(TABLE, _aten.stack.default)
def _stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    return torch.cat([x.unsqueeze(dim) for x in tensors], dim)


@rewrites(TABLE, _aten.roll.default)
def _roll(x: Tensor, shifts: Sequence[int], dims: Sequence[int] = ()) -> Tensor:
    if not dims:
        return NotImplemented
    for shift, dim in zip(shifts, dims, strict=True):
        size = x.shape[dim]
        if begin := -shift % size:
            x = torch.cat([_part(x, dim, begin, size), _part(x, dim, 0, begin)], dim)
    return x


@rewrites(TABLE, _aten.flip.default)
def _flip(x: Tensor, dims: Sequence[int]) -> Tensor:
    for dim in dims:
        x = torch.cat([_part(x, dim, at, at + 1) for at in reversed(range(x.shape[dim]))], dim)
    return x


@rewrites(TABLE, _aten.expand.default)
def _expand(x: Tensor, size: Sequence[int], *, implicit: bool = False) -> Tensor:
    """By addition of zeros, which broadcasts; the zeros are one for each repetition."""
    more = len(size) - x.dim()
    view = x.reshape([1] * more + list(x.shape))
    wanted = [view.shape[axis] if length == -1 else length for axis, length in enumerate(size)]
    if list(view.shape) == wanted:
        return view
    if not x.is_floating_point():
        return NotImplemented
    repeated = [after if before == 1 else 1 for before, after in zip(view.shape, wanted, strict=True)]
    return view + torch.zeros(repeated, dtype=x.dtype)


@rewrites(TABLE, _aten.expand_as.default)
def _expand_as(x: Tensor, other: Tensor) -> Tensor:
    return x.expand(other.shape)


@rewrites(TABLE, _aten.repeat.default)
def _repeat(x: Tensor, times: Sequence[int]) -> Tensor:
    before = [1] * (len(times) - x.dim()) + list(x.shape)
    made = x.reshape(before).expand([more if size == 1 else size for size, more in zip(before, times, strict=True)])
    for dim, repeats in enumerate(times):
        if before[dim] > 1 and repeats > 1:
            made = torch.cat([made] * repeats, dim)
    return made


@rewrites(TABLE, _aten.repeat_interleave.self_int)
def _repeat_each(x: Tensor, times: int, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    if dim is None or x.dim() == _MOST_AXES:
        return NotImplemented
    dim %= x.dim()
    sizes = [-1] * (x.dim() + 1)
    sizes[dim + 1] = times
    return x.unsqueeze(dim + 1).expand(sizes).flatten(dim, dim + 1)


@rewrites(TABLE, _aten.pad.default)
def _pad(x: Tensor, sizes: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Below what is pooled stands −∞, for which ExecuTorch 1.3 has no word; nothing is less than the least number."""
    if mode != "constant" or value is None or not math.isinf(value):
        return NotImplemented
    return functional.pad(x, list(sizes), value=math.copysign(torch.finfo(x.dtype).max, value))


@rewrites(TABLE, _aten.dropout.default)
def _dropout(x: Tensor, p: float, train: bool) -> Tensor:
    return x
