"""A width of a network: channels that can be cut together, and what else must follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

Kind = Literal["mlp", "attention", "embedding"]
Side = Literal["in", "out"]
Unit = Literal["channels", "heads", "inside heads", "inside heads alike"]


@dataclass(frozen=True, eq=False)
class Part:
    """Rows or columns of one layer that belong to channels of a width, one by one.

    Attributes:
        layer: Linear layer, convolution or batch norm.
        side: Whether its inputs (columns) or its outputs (rows) are meant.
        indices: Rows or columns, int64.
        channels: The channel of the width that each belongs to, int64.
    """

    layer: nn.Module
    side: Side
    indices: Tensor
    channels: Tensor


@dataclass(frozen=True)
class Width:
    """Channels of one layer, and of all that depend on them.

    Attributes:
        kind: What a person calls it.
        name: Dotted name of ``root`` in the model.
        scope: Module inside which everything lies that depends on these channels.
        root: Layer whose channels are named.
        side: Whether its inputs or its outputs are meant.
        channels: How many there are now.
        unit: What is cut as one: a channel, a head, or one channel of each head (of the same number in each, if
            they must be alike).
        heads: Heads that the channels are divided into; 1 where there are none.
        separate: Modules that seem to depend on these channels and are cut by ``after`` instead.
        parts: Everything that depends on these channels, ``root`` first, where it is known; else it is searched for.
        after: Called with the indices that were cut, to put right what is no weight (numbers of heads, scales).
    """

    kind: Kind
    name: str
    scope: nn.Module
    root: nn.Module
    side: Side
    channels: int
    unit: Unit = "channels"
    heads: int = 1
    separate: tuple[nn.Module, ...] = ()
    parts: tuple[Part, ...] = ()
    after: Callable[[list[int]], None] = field(default=lambda cut: None)

    @property
    def units(self) -> int:
        """How many units there are now."""
        return self.heads if self.unit == "heads" else self.channels // self.heads

    def rank(self, scores: Tensor, *, adds_up: bool) -> Ranking:
        """Order the units by the scores of their channels.

        Args:
            scores: Shape (channels,).
            adds_up: Whether a unit's score is the sum of its channels', or their mean.
        """
        unit_score = torch.sum if adds_up else torch.mean
        by_head = scores.view(self.heads, -1)
        index = torch.arange(self.channels, device=scores.device).view(self.heads, -1)
        if self.unit == "heads":
            return _ranked(unit_score(by_head, 1), index)
        if self.unit == "inside heads alike":
            return _ranked(unit_score(by_head, 0), index.T)
        order = by_head.argsort(dim=1, stable=True)
        return Ranking(unit_score(by_head.gather(1, order), 0), index.gather(1, order).T)


@dataclass(frozen=True)
class Ranking:
    """Units, the least important first; ties go to the lower index.

    Attributes:
        scores: Of each unit, of shape (units,).
        channels: Indices of each unit's channels, of shape (units, channels a unit).
    """

    scores: Tensor
    channels: Tensor

    def first(self, units: int) -> list[int]:
        """Channels of the least important units, in ascending order of index."""
        return sorted(self.channels[:units].flatten().tolist())


def _ranked(scores: Tensor, channels: Tensor) -> Ranking:
    order = scores.argsort(stable=True)
    return Ranking(scores[order], channels[order])
