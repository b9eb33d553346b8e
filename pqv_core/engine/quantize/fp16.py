"""Weights stored in 16 bits and widened while the model runs: half the file, the same arithmetic, on every runtime.

The Lite Interpreter's CPU kernels compute in fp32 on most processors (its Android runtimes know no fp16 product at
all). Widening takes its type from the layer's input, so that freezing does not fold it into fp32 weights again.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from pqv_core.engine.quantize.request import Request
from pqv_core.engine.transforms.biases import fold_query_biases


class HalfLinear(nn.Linear):
    """An ``nn.Linear`` whose weight is kept in fp16; shapes as there."""

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, self.weight.type_as(input), self.bias)


class HalfConv2d(nn.Conv2d):
    """An ``nn.Conv2d`` with zero padding whose weight is kept in fp16; shapes as there."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight.type_as(input), self.bias)


_KINDS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: HalfLinear, nn.Conv2d: HalfConv2d}


def quantized(model: nn.Module, request: Request) -> nn.Module:
    """The model with the weights of all its linear layers and convolutions in fp16."""
    fold_query_biases(model)  # BEiT and EVA read the weights of such layers past their forward
    for module in model.modules():
        kind = next((kind for kind in _KINDS if isinstance(module, kind)), None)
        if kind is None or type(module).forward is not kind.forward:
            continue  # a layer that computes in a way of its own keeps its weight: another class would undo that way
        # The class of this very object is changed, so that its name, its tensors and everybody who refers to it stay as
        # they are; ``HalfLinear`` and ``HalfConv2d`` add no attributes. A parametrization (torch.nn.utils.parametrize)
        # sees the weight only and not the layer's input, and freezing would fold its widening into fp32 weights.
        # Unnecessary where a runtime has fp16 products of its own.
        module.__class__ = _KINDS[kind]
        module.weight = nn.Parameter(module.weight.detach().half(), requires_grad=False)  # type: ignore[operator]
    return model
