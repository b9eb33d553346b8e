"""A heap that keeps its memory from one inference to the next, on Linux.

The Lite Interpreter gives memory back at every operator. What then lies free at the top of its heap, glibc's ``malloc``
hands to the system, which must map and clear those pages again a moment later: up to 11,000 page faults in an
inference of an int8 DeiT-B, a tenth of its time. How much may lie free follows the largest block that was mapped and
freed (mallopt(3), "dynamic mmap threshold"). So the graph asks for one such block at its start, never touches it and
gives it back at once: two system calls in the first inference, none in the later ones.

Why in the graph: so it works in every program that loads the file, and no program has to call ``mallopt`` or be started
with ``MALLOC_TRIM_THRESHOLD_``.

Source: mallopt(3), M_MMAP_THRESHOLD. When a mapped block no larger than DEFAULT_MMAP_THRESHOLD_MAX is freed, blocks up
to its size come from the heap from then on, and twice its size may lie free at the top before it is trimmed. Setting
any of M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD and M_MMAP_MAX switches that off, and this file has no effect then.

Unnecessary with a runtime that plans its memory when the file is written
(https://docs.pytorch.org/executorch/stable/compiler-memory-planning.html), or with another malloc. Figures are in
docs/performance.md.
"""

from __future__ import annotations

from typing import Any

import torch

from pqv_core.engine.formats.ptl.graphs import constant

# Just below DEFAULT_MMAP_THRESHOLD_MAX, the largest block that glibc still learns from (mallopt(3): on 64 bits
# 4 MiB × sizeof(long)), with room for the block's header. A larger one would be mapped, freed, and teach nothing.
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
    # Nothing reads its output, so it is freed at once. For the same reason dead code elimination would remove it:
    # ``lite_writer`` calls this when its passes are done.
    insert("aten::empty", [sizes, constant(graph, _UINT8), default, default, default, default])
