"""Weights of linear layers in 4 bits, in groups; by torchao, which is an extra."""

from __future__ import annotations

from torch import nn

from pqv_core.engine.quantize.layers import chosen, make_quantizable
from pqv_core.engine.quantize.request import Request
from pqv_core.engine.quantize.torchao_layers import make_int4

GROUP = 32


def quantized(model: nn.Module, request: Request) -> nn.Module:
    """The model with its linear layers in groups of ``GROUP`` inputs; in int8 where these do not divide the width."""
    make_quantizable(model)
    make_int4(model, chosen(model, request.keep), GROUP)
    return model
