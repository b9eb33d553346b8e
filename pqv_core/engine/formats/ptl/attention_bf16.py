"""Fused attention computed in bfloat16, on processors that multiply it.

Next to int8 layers the products of attention, in fp32, are what takes long where int8 is quick (AMX). Its inputs are
cast to bfloat16 and its result back: flash attention then multiplies in bfloat16 and adds up in fp32 (Dao et al. 2022,
arXiv 2205.14135; torch's kernel for the CPU). The relative error is some 2⁻⁸.

Written into the graph, so that any program that loads the file computes so. Unnecessary with a runtime that chooses the
type of attention for the processor that it finds.
"""

from __future__ import annotations

from typing import Any

import torch

from pqv_core.engine.formats.ptl.graphs import constant

_BFLOAT16, _FLOAT = 15, 6  # c10::ScalarType
_FUSED = "aten::scaled_dot_product_attention"
_MASK = 3  # position of the mask, behind queries, keys and values
_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


def multiplies_bf16() -> bool:
    """Whether this processor has instructions that multiply bfloat16."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in _INSTRUCTIONS)


def attend_in_bf16(graph: Any) -> int:
    """Rewrite the fused attentions of a TorchScript graph (``torch.Graph``) in fp32. Those with a mask stay.

    Returns:
        How many were rewritten.
    """
    fused = [node for node in graph.findAllNodes(_FUSED) if list(node.inputs())[_MASK].type().kind() == "NoneType"]
    for attention in fused:
        for index in range(_MASK):
            cast = _cast(graph, attention.inputsAt(index), _BFLOAT16)
            cast.insertBefore(attention)
            attention.replaceInput(index, cast.output())
        back = _cast(graph, attention.output(), _FLOAT)
        back.insertAfter(attention)
        attention.output().replaceAllUsesAfterNodeWith(back, back.output())
    return len(fused)


def _cast(graph: Any, value: Any, scalar_type: int) -> Any:
    """A node, not yet in its place, that gives ``value`` in another type."""
    how = [constant(graph, each) for each in (scalar_type, False, False, None)]  # not waiting, no copy, any layout
    node = graph.create("aten::to", [value, *how], 1)
    node.output().setType(torch._C.TensorType.get())
    return node
