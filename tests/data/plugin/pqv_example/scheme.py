"""The scheme itself. Loaded by the worker process only."""

from __future__ import annotations

from torch import nn

from pqv_core.engine.quantize.fp16 import HalfLinear
from pqv_core.engine.quantize.request import Request


def quantized(model: nn.Module, request: Request) -> nn.Module:
    """The model with the weights of its linear layers in fp16."""
    for name, layer in list(model.named_modules()):
        if type(layer) is nn.Linear and name not in request.keep:
            layer.__class__ = HalfLinear  # in place, as engine/quantize/fp16.py does and says why
            layer.weight = nn.Parameter(layer.weight.detach().half(), requires_grad=False)
    return model
