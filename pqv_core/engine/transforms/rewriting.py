"""Rewriting of exported graphs, operator by operator: each becomes others that give the same values.

``torch.export`` records a network as operators of ATen, whatever its modules are called. A rewriting is therefore
written once for an operator, and serves every family that uses it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor

Rewriting = Callable[..., Any]
"""Takes what the operator takes and gives what it gives; ``NotImplemented`` where the operator is to stay."""
Rewritings = dict[Any, Rewriting]
"""By the operator, such as ``torch.ops.aten.layer_norm.default``; what ``run_decompositions`` takes."""


def rewrites(table: Rewritings, *operators: Any) -> Callable[[Rewriting], Rewriting]:
    """Enter the decorated function into ``table`` for each of the ``operators``."""

    def enter(function: Rewriting) -> Rewriting:
        for operator in operators:
            table[operator] = function
        return function

    return enter


def axes(dims: int | Iterable[int] | None, rank: int) -> list[int]:
    """The axes that an operator's ``dim`` means, ascending; all of them for None or an empty list."""
    wanted = [dims] if isinstance(dims, int) else list(dims or range(rank))
    return sorted(dim % rank for dim in wanted)


def count(tensor: Tensor, dims: Iterable[int]) -> int:
    """How many values lie along these axes."""
    return math.prod(tensor.shape[dim] for dim in dims)


def pair(value: int | Sequence[int]) -> list[int]:
    """Height and width of what may be given once for both."""
    values = [value] if isinstance(value, int) else list(value)
    return values * 2 if len(values) == 1 else values
