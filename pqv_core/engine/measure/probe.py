"""Tries what this computer can do: a small layer with each engine."""

from __future__ import annotations

import warnings
from typing import get_args

import torch
from torch import nn

from pqv_core.config.quantize import Engine
from pqv_core.engine.measure import environment
from pqv_core.engine.quantize import engines, quantize
from pqv_core.engine.quantize.engines import using_engine
from pqv_core.errors import QuantizeError
from pqv_core.process import machine
from pqv_core.process.machine import Machine


def run() -> Machine:
    """Try every engine; a kernel that crashes ends the worker process only."""
    return Machine(
        environment=environment.describe(threads=environment.default_threads()),
        engines={engine: _why_not(engine) for engine in get_args(Engine) if engine != "auto"},
        node=machine.node(),
    )


def _why_not(engine: str) -> str:
    """Why a quantized layer cannot be run with ``engine``; empty where it can."""
    if engine not in engines.supported_engines():
        return "this build of PyTorch does not have it."
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            layer = quantize(nn.Sequential(nn.Linear(8, 8)).eval(), "int8-dynamic")
            with using_engine(engine):
                packed = torch.ops.quantized.linear_prepack(*layer[0]._weight_bias())  # type: ignore[index]
                torch.ops.quantized.linear_dynamic(torch.ones(1, 8), packed)
    except (QuantizeError, RuntimeError) as error:
        return f"{(str(error).splitlines() or [''])[0][:200]}."
    return ""
