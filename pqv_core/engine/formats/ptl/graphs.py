"""What every rewriting of a TorchScript graph needs."""

from __future__ import annotations

from typing import Any


def constant(graph: Any, value: int | bool | None) -> Any:
    """A constant at the very start of a graph (``torch.Graph``), so that every node may read it."""
    found = graph.insertConstant(value)
    found.node().moveBefore(next(iter(graph.nodes())))
    return found
