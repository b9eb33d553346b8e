"""Dynamic int8: one scale per output channel of a weight; inputs of layers are quantized while the model runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import nn
from torch.ao.quantization import per_channel_dynamic_qconfig

from pqv_core.engine.quantize.engines import using_engine
from pqv_core.engine.quantize.layers import chosen, compact_engine, make_quantizable
from pqv_core.engine.quantize.request import Request


def quantized(model: nn.Module, request: Request) -> nn.Module:
    """The model with each ``nn.Linear``, the patch embedding's among them, in int8."""
    make_quantizable(model)
    return quantized_layers(model, chosen(model, request.keep))


def quantized_layers(model: nn.Module, names: Iterable[str]) -> nn.Module:
    """The model with these of its linear layers in int8 (torch.ao.quantization.quantize_dynamic)."""
    if not (spec := dict.fromkeys(names, per_channel_dynamic_qconfig)):
        return model
    with using_engine(compact_engine()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(model, spec)
