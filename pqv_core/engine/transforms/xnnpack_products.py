"""Attention's products and softmax, and pooling, as XNNPACK takes them.

It multiplies batches of matrices (``bmm``) and takes a softmax over the last axis. A product of tensors with more axes
reaches it through views; ``matmul`` would lead there too, but by way of copies that repeat what is broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pqv_core.engine.transforms.rewriting import Rewritings, pair, rewrites

TABLE: Rewritings = {}
_aten: Any = torch.ops.aten


@rewrites(TABLE, _aten.matmul.default)
def _matmul(a: Tensor, b: Tensor) -> Tensor:
    if (a.dim() < 3 and b.dim() < 3) or min(a.dim(), b.dim()) < 2:
        return NotImplemented
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    stacks = [x.expand(*batch, *x.shape[-2:]).reshape(-1, *x.shape[-2:]) for x in (a, b)]
    return torch.bmm(*stacks).reshape(*batch, a.shape[-2], b.shape[-1])


@rewrites(TABLE, _aten.scaled_dot_product_attention.default)
def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(q kᵀ ∕ √d) v (Vaswani et al. 2017, eq. 1), with a mask that is added."""
    if is_causal or enable_gqa or (mask is not None and not mask.is_floating_point()):
        return NotImplemented
    weights = (q * (q.shape[-1] ** -0.5 if scale is None else scale)) @ k.transpose(-2, -1)
    if mask is not None:
        weights = weights + mask
    return weights.softmax(-1) @ v


@rewrites(TABLE, _aten.softmax.int)
def _softmax(x: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
    """In three axes: of four, ExecuTorch 1.3 takes the second for the last behind a convolution."""
    if dim % x.dim() != x.dim() - 1:
        return x.transpose(dim, -1).softmax(-1, dtype=dtype).transpose(dim, -1)
    return x.flatten(0, 1).softmax(-1, dtype=dtype).reshape(x.shape) if x.dim() == 4 else NotImplemented


def _with_fraction(operator: Any) -> None:
    """Let an operator take a whole number as a fraction: it would be converted outside of XNNPACK at each call."""

    @rewrites(TABLE, operator)
    def rewritten(a: Tensor, b: Tensor | float, **options: Any) -> Tensor:
        if type(b) not in (int, float) or options or not a.is_floating_point():
            return NotImplemented
        if b == 1 and operator is _aten.mul.Tensor:  # left where a scale was folded into weights
            return a
        return operator(a, float(b)) if isinstance(b, int) else NotImplemented


for _operator in (_aten.add.Tensor, _aten.sub.Tensor, _aten.mul.Tensor, _aten.div.Tensor):
    _with_fraction(_operator)


@rewrites(TABLE, _aten.avg_pool2d.default)
def _average_pool(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Without padding, whether it is counted makes no difference; XNNPACK wants to be told that it is not."""
    window = pair(kernel)
    step = pair(stride) if stride else window
    uneven = any((x.shape[2 + axis] - window[axis]) % step[axis] for axis in range(2))
    if any(pair(padding)) or divisor_override or (ceil_mode and uneven) or not (count_include_pad or ceil_mode):
        return NotImplemented
    pooled: Tensor = _aten.avg_pool2d.default(x, window, step, [0, 0], False, False)
    return pooled
