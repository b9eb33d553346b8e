"""Post-training quantization: precision × engine.

Packed weights are stored in a form that no engine owns and are packed anew, at load, by the engine that is
current then. So one file serves every engine, and the engine is a property of loading it. FBGEMM copies the
weights at each serialisation and would store shared ones twice; a model is therefore quantized under an engine
that does not (onednn, else qnnpack), whatever engine will run it.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator

import torch
from torch import nn
from torch.ao.quantization import per_channel_dynamic_qconfig

from pqv_core.config.quantize import Engine, Precision
from pqv_core.engine.biases import fold_query_biases
from pqv_core.engine.environment import supported_engines
from pqv_core.engine.patches import replace_patch_embeddings
from pqv_core.errors import QuantizeError

_COMPACT_ENGINES = ("onednn", "qnnpack")


@contextlib.contextmanager
def using_engine(name: str) -> Iterator[None]:
    """Make ``name`` the engine that packs weights, for the length of the block.

    Raises:
        QuantizeError: This computer does not have it.
    """
    require_engine(name)
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def require_engine(name: str) -> None:
    """Refuse an engine that this computer does not have, in words."""
    engines = supported_engines()
    if name not in engines:
        raise QuantizeError(
            f"The engine {name} is not available on this computer.",
            action=f"Choose auto or one of: {', '.join(engines) or 'none (use fp32)'}.",
        )


def candidate_engines(engine: Engine) -> tuple[str, ...]:
    """The engines to try: the one that was asked for, or all of this computer for ``auto``."""
    if engine == "auto":
        engines = supported_engines()
        if not engines:
            raise QuantizeError("This build of torch has no quantized engine.", action="Use fp32.")
        return engines
    require_engine(engine)
    return (engine,)


def quantize(model: nn.Module, precision: Precision) -> nn.Module:
    """A quantized copy of ``model`` (fp32, in eval mode); for ``fp32`` an unchanged copy.

    ``int8-dynamic``: every ``nn.Linear``, the patch embedding's among them, holds int8 weights with one scale an
    output channel, and quantizes its input while running (torch.ao.quantization.quantize_dynamic).
    """
    if precision == "fp32":
        return copy.deepcopy(model)
    compact = next((name for name in _COMPACT_ENGINES if name in supported_engines()), None)
    if compact is None:
        raise QuantizeError(
            "This build of torch cannot write compact int8 weights (it has neither ONEDNN nor QNNPACK).",
            action="Use fp32, or another build of torch.",
        )
    prepared = copy.deepcopy(model)
    replace_patch_embeddings(prepared)
    fold_query_biases(prepared)
    with using_engine(compact), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(prepared, {nn.Linear: per_channel_dynamic_qconfig})
