"""A heap that keeps its memory from one inference to the next, on Linux.

The Lite Interpreter gives memory back at every operator. What then lies free at the top of its heap, glibc's ``malloc``
hands to the system, which must map and clear those pages again a moment later: up to 11,000 page faults in an
inference of an int8 DeiT-B, a tenth of its time. How much may lie free follows the largest block that was mapped and
freed (mallopt(3), "dynamic mmap threshold"). So the graph asks for one such block at its start, never touches it and
gives it back at once: two system calls in the first inference, none in the later ones.
"""

from __future__ import annotations

from typing import Any

import torch

from pqv_core.engine.graphs import constant

# Just below the largest block that glibc still learns from: 4 MiB × sizeof(long), with room for its header.
_BLOCK_BYTES = 4 * 2**20 * 8 - 2**16
_UINT8 = 0  # c10::ScalarType::Byte


def keep(graph: Any) -> None:
    """Make a TorchScript graph (``torch.Graph``), as its first act, ask for a large block and give it back."""
    first = next(iter(graph.nodes()))

    def insert(kind: str, inputs: list[Any]) -> Any:
        node = graph.create(kind, inputs, 1)
        node.insertBefore(first)
        return node.output()

    sizes = insert("prim::ListConstruct", [constant(graph, _BLOCK_BYTES)])
    sizes.setType(torch._C.ListType.ofInts())
    default = constant(graph, None)
    insert("aten::empty", [sizes, constant(graph, _UINT8), default, default, default, default])
