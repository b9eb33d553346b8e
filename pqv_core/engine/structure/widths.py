"""A width of a network: channels that can be cut together, and what else must follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

Kind = Literal["mlp", "attention", "embedding"]
Side = Literal["in", "out"]


@dataclass(frozen=True)
class Width:
    """Channels of one layer, and of all that depend on them.

    Attributes:
        kind: What a person calls it.
        name: Dotted name of ``root`` in the model.
        root: Layer whose channels are named.
        side: Whether its inputs or its outputs are meant.
        channels: How many there are now.
        choose: From scores of shape (channels,) the indices to cut.
        separate: Modules that seem to depend on these channels and are cut by ``after`` instead.
        after: Called with the indices that were cut, to put right what is no weight (numbers of heads, scales).
    """

    kind: Kind
    name: str
    root: nn.Module
    side: Side
    channels: int
    choose: Callable[[Tensor], list[int]]
    separate: tuple[nn.Module, ...] = ()
    after: Callable[[list[int]], None] = field(default=lambda cut: None)


def smallest(scores: Tensor, count: int) -> list[int]:
    """Indices of the ``count`` smallest scores, in ascending order of index; ties go to the lower index."""
    return sorted(scores.argsort(stable=True)[:count].tolist())
