"""Weights of linear layers in 4 bits, in groups; by torchao, which is an extra."""

from __future__ import annotations

from torch import nn

from pqv_core.engine.quantize.layers import chosen, make_quantizable, named
from pqv_core.engine.quantize.request import Request
from pqv_core.engine.quantize.torchao_layers import make_int4, make_int8


def quantized(model: nn.Module, request: Request) -> nn.Module:
    """The model with its linear layers in 4 bits; in 8 those that no group fits, or that are to be spared."""
    make_quantizable(model)
    names, spared = chosen(model, request.keep), set(named(model, request.keep_int8))
    make_int4(model, [name for name in names if name not in spared], request.group)
    make_int8(model, [name for name in names if name in spared])
    return model
