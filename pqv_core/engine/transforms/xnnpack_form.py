"""The form of a network that XNNPACK, through ExecuTorch, computes as a whole.

How fast a ``.pte`` is depends on how much of it is delegated to XNNPACK, and that depends on how the network is written
down. Written as PyTorch records it, a DeiT comes apart into dozens of delegates with portable kernels between them; in
this form it is one. The answers are the same up to the order of additions.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from timm.layers.attention import Attention
from torch import nn
from torch.export import ExportedProgram

from pqv_core.engine.transforms import xnnpack_products, xnnpack_resizing, xnnpack_shapes, xnnpack_sums
from pqv_core.engine.transforms.class_token import FirstTokensAttention, leave_out_unread_tokens
from pqv_core.engine.transforms.merged_tokens import MergingAttention, merge_by_products
from pqv_core.engine.transforms.rewriting import Rewritings

_aten: Any = torch.ops.aten
_SAME = (_aten.slice.Tensor, _aten.alias.default)
_VIEWS = (_aten.view.default, _aten.reshape.default, _aten._unsafe_view.default)


def rewritings() -> Rewritings:
    """What becomes of each operator."""
    return {**xnnpack_sums.TABLE, **xnnpack_shapes.TABLE, **xnnpack_products.TABLE, **xnnpack_resizing.TABLE}


def in_xnnpack_form(program: ExportedProgram) -> ExportedProgram:
    """A recorded network (inference, batch of fixed size) in the form that XNNPACK takes.

    Layers that stand in the program as single operators, quantized ones among them, stay single.
    """
    _leave_out_layouts(program)
    made = program.run_decompositions(rewritings())
    _leave_out_whole_slices(made)
    _leave_out_views_between(made)
    return made


def _leave_out_layouts(program: ExportedProgram) -> None:
    """Let nobody ask for contiguous tensors, which XNNPACK's always are: the copies would be made outside of it."""
    for node in list(program.graph.nodes):
        if node.target is _aten.view.default:
            node.target = _aten.reshape.default  # of what may not be contiguous now
        elif node.target is _aten.contiguous.default:
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
    program.graph_module.recompile()


def _leave_out_whole_slices(program: ExportedProgram) -> None:
    """Let what reads a slice of everything, which would become a copy, read the tensor itself."""
    for node in list(program.graph.nodes):
        if node.target in _SAME and node.meta["val"].shape == node.args[0].meta["val"].shape and len(node.args) < 5:
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
    program.graph_module.recompile()


def _leave_out_views_between(program: ExportedProgram) -> None:
    """Of several views one behind the other, each of which would be a copy, let only the last remain."""
    graph = program.graph
    for node in list(graph.nodes):
        if node.target not in _VIEWS:
            continue
        source = node.args[0]
        while source.target in _VIEWS:
            source = source.args[0]
        if source.meta["val"].shape == node.meta["val"].shape:
            node.replace_all_uses_with(source)
        else:
            node.args = (source, *node.args[1:])
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def prepared_for_xnnpack(model: nn.Module) -> nn.Module:
    """A copy of a model (in eval mode, on the CPU) that can be recorded and rewritten well; same answers.

    Attention is written out, its scale is part of the queries' weights, tokens are merged by products of matrices, and
    the last block does without tokens that nobody reads.
    """
    made = leave_out_unread_tokens(copy.deepcopy(model))
    merge_by_products(made)
    for module in made.modules():
        if getattr(module, "fused_attn", False):
            module.fused_attn = False  # type: ignore[assignment]  # timm's flag is a plain bool
        _fold_scale(module)
    return made


def _fold_scale(attention: nn.Module) -> None:
    """Multiply attention's scale into the layer that gives the queries, unless they are normalized first."""
    kinds = (Attention, MergingAttention, FirstTokensAttention)
    if type(attention) not in kinds or not isinstance(attention.q_norm, nn.Identity):
        return
    queries = attention.qkv if isinstance(attention, Attention) else attention.qkv["query"]  # type: ignore[index]
    with torch.no_grad():
        for tensor in (queries.weight, queries.bias):  # type: ignore[union-attr]
            if tensor is not None:
                tensor[: attention.attn_dim] *= attention.scale  # type: ignore[operator]
    attention.scale = 1.0  # type: ignore[assignment]
