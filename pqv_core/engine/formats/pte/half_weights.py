"""Weights of linear layers that are stored in 16 bits and widened when a file is loaded, as XNNPACK can.

Its fully connected operator takes a fp16 weight between activations in fp32 (``xnn_create_fully_connected_nc_f32_f16``)
and packs it in fp32. So answers are those of the rounded weights, as fast as in fp32, and the processor needs no fp16
arithmetic of its own: of the phones' processors many have none, and XNNPACK refuses to load such a program there.

ExecuTorch 1.3 has no word for it: ATen's ``linear`` wants one type. What it writes of a weight follows the weight's own
type, though, so that is changed just before it is written. Convolutions stay in fp32: XNNPACK takes fp16 weights there,
too, but reads their fp32 biases as fp16, and refuses those of depthwise ones.

Unnecessary once ExecuTorch writes such weights itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import executorch.backends.xnnpack.operators  # noqa: F401 - registers the visitors
from executorch.backends.xnnpack.operators import node_visitor
from torch import fx, nn
from torch.export import ExportedProgram

_LINEAR = "aten.linear.default"


@contextlib.contextmanager
def written_in_half() -> Iterator[None]:
    """Within the block, ExecuTorch writes the weights of linear layers that XNNPACK computes in 16 bits."""
    visitors = node_visitor._node_visitor_dict  # what is registered cannot be looked up otherwise
    usual = visitors[_LINEAR]

    class HalfLinear(usual):  # type: ignore[misc, valid-type]
        """Writes a linear layer."""

        def define_node(self, node: fx.Node, *place: Any) -> None:
            _halve(self.exported_program, node.args[1])
            super().define_node(node, *place)

    visitors[_LINEAR] = HalfLinear
    try:
        yield
    finally:
        visitors[_LINEAR] = usual


def _halve(program: ExportedProgram, weight: Any) -> None:
    """Round a parameter to 16 bits, unless something else than linear layers reads it, or it is quantized."""
    name = program.graph_signature.inputs_to_parameters.get(weight.name)
    if name is None or not all(_is_weight(weight, user) for user in weight.users):
        return
    program.state_dict[name] = nn.Parameter(program.state_dict[name].detach().half(), requires_grad=False)
    weight.meta["val"] = weight.meta["val"].half()


def _is_weight(weight: fx.Node, user: fx.Node) -> bool:
    """Whether a user is a linear layer whose weight this is."""
    return getattr(user.target, "__name__", "") == _LINEAR and user.args[1] is weight and user.args[0] is not weight
