"""Results written over inputs that nothing needs any more.

A Lite Interpreter asks the system for memory at every operator. For the large ones of a ViT (an activation behind a
wide linear layer, the residual sum) the system then maps fresh pages at each inference, which costs a tenth of the
time on Linux. ``gelu`` → ``gelu_`` and ``add`` → ``add_`` need no memory, and compute the very same numbers.

Sources: an operator whose name ends in an underscore writes into its first input
(https://docs.pytorch.org/docs/stable/tensors.html); its result must have that input's shape
(https://docs.pytorch.org/docs/stable/notes/broadcasting.html), which a graph does not tell. Hence ``lite_writer`` runs
the file both ways, and keeps this one only where the answers are equal to the bit.

Unnecessary with a runtime that plans its memory when the file is written
(https://docs.pytorch.org/executorch/stable/compiler-memory-planning.html). Figures are in docs/performance.md.
"""

from __future__ import annotations

from typing import Any

# Operators whose result is memory of its own: it is neither an input nor seen by anything else. A list of what is safe
# and not of what is not (views share their input's memory): one that is missing here costs a little time only.
_FRESH = frozenset(
    {
        "aten::_convolution",
        "aten::cat",
        "aten::conv2d",
        "aten::gelu",
        "aten::layer_norm",
        "aten::linear",
        "aten::matmul",
        "aten::scaled_dot_product_attention",
        "aten::softmax",
        "quantized::linear",
        "quantized::linear_dynamic",
    }
)
# These may give their input itself, where nothing has to change: then it is the input that must be free.
_PASSED_ON = frozenset({"aten::to", "aten::dropout", "aten::contiguous"})
_LOOKING = frozenset({"prim::dtype", "aten::size", "aten::dim"})  # read no element
_UNARY = frozenset({"aten::gelu", "aten::relu", "aten::silu", "aten::hardswish", "aten::sigmoid", "aten::tanh"})
_BINARY = frozenset({"aten::add", "aten::mul"})
_IN_PLACE = frozenset(f"{kind}_" for kind in _UNARY | _BINARY)


def write_in_place(graph: Any) -> int:
    """Rewrite a frozen TorchScript graph (``torch.Graph``).

    The caller makes sure that shapes allow it: an operand that is broadcast makes the rewritten operator fail.

    Returns:
        How many operators were rewritten.
    """
    return _rewrite_block(graph, graph)


def _rewrite_block(graph: Any, block: Any) -> int:
    rewritten = 0
    members: set[Any] = set()  # a value from outside the block may be read again by its next turn
    for node in list(block.nodes()):
        rewritten += sum(_rewrite_block(graph, inner) for inner in node.blocks())
        arguments = _arguments(node, members)
        if arguments is None:
            members.add(node)
            continue
        replacement = graph.create(f"{node.kind()}_", arguments, 1)
        replacement.insertBefore(node)
        replacement.output().setType(node.output().type())
        node.output().replaceAllUsesWith(replacement.output())
        node.destroy()
        members.add(replacement)
        rewritten += 1
    return rewritten


def _arguments(node: Any, members: set[Any]) -> list[Any] | None:
    """The operator's inputs with the one to be overwritten first; None where it must stay as it is."""
    inputs = list(node.inputs())
    if node.kind() in _UNARY:
        return inputs if _is_free(inputs[0], members) else None
    if node.kind() not in _BINARY or not all(value.type().kind() == "TensorType" for value in inputs[:2]):
        return None
    first, second, *scale = inputs
    # x + f(x): the branch is written over. A second factor is often a gate that is broadcast.
    if node.kind() == "aten::add" and scale[0].toIValue() == 1 and _is_free(second, members):
        return [second, first, *scale]
    return inputs if _is_free(first, members) else None


def _is_free(value: Any, members: set[Any]) -> bool:
    """Whether ``value`` is memory of its own that only one operator reads."""
    while True:  # back through what may have given its input itself
        if sum(use.user.kind() not in _LOOKING for use in value.uses()) != 1:
            return False
        node = value.node()
        if node not in members:
            return False
        if node.kind() in _FRESH | _IN_PLACE:
            return True
        if node.kind() not in _PASSED_ON:
            return False
        value = next(iter(node.inputs()))
