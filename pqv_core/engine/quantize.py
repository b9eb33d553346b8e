"""Post-training quantization: precision × engine.

Packed weights are stored in a form that no engine owns and are packed anew, at load, by the engine that is
current then. So one file serves every engine, and the engine is a property of loading it. FBGEMM copies the
weights at each serialisation and would store shared ones twice; a model is therefore quantized under an engine
that does not (onednn, else qnnpack), whatever engine will run it.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.ao.quantization import per_channel_dynamic_qconfig

from pqv_core.config.base import unknown
from pqv_core.config.quantize import PRECISIONS, Observer, Precision
from pqv_core.engine import static
from pqv_core.engine.biases import fold_query_biases
from pqv_core.engine.engines import supported_engines, using_engine
from pqv_core.engine.half import halve_weights
from pqv_core.engine.patches import replace_patch_embeddings
from pqv_core.engine.tables import make_tables
from pqv_core.errors import QuantizeError

_COMPACT_ENGINES = ("onednn", "qnnpack")


def quantize(
    model: nn.Module,
    precision: Precision,
    *,
    keep: Sequence[str] = (),
    observer: Observer = "histogram",
    batches: Iterable[Tensor] = (),
) -> nn.Module:
    """A quantized copy of ``model`` (fp32, in eval mode); for ``fp32`` an unchanged copy.

    ``fp16``: weights are stored in 16 bits. ``int8-dynamic``: every ``nn.Linear``, the patch embedding's among them,
    holds int8 weights with one scale an output channel, and quantizes its input while running
    (torch.ao.quantization.quantize_dynamic). ``int8-static``: the ranges of inputs and outputs are learnt from
    ``batches`` (torch.ao.quantization.prepare, convert); the classifier stays dynamic, for its outputs are compared.

    Args:
        keep: Names of layers, or of modules around them, that stay in floating point.
        observer: How ``int8-static`` finds ranges.
        batches: Calibration images for ``int8-static``, each (N, C, H, W).

    Raises:
        ConfigError: There is no such precision or observer.
        QuantizeError: A name in ``keep`` is not in the model, or this build of torch cannot write int8 weights.
    """
    prepared = copy.deepcopy(model)
    make_tables(prepared)  # while all weights have a type, and that of the images
    if precision == "fp32":
        return prepared
    if precision == "fp16":
        halve_weights(prepared)
        return prepared
    if precision not in ("int8-dynamic", "int8-static"):
        raise unknown(precision, PRECISIONS, field="quantize.precision")
    _make_quantizable(prepared)
    chosen = _chosen(prepared, keep)
    with using_engine(_compact_engine()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if precision == "int8-static":
            static.convert(prepared, [name for name in chosen if name not in _classifiers(prepared)], observer, batches)
            chosen = [name for name in chosen if name in _classifiers(prepared)]
        spec = dict.fromkeys(chosen, per_channel_dynamic_qconfig)
        return torch.ao.quantization.quantize_dynamic(prepared, spec) if spec else prepared


def _make_quantizable(model: nn.Module) -> None:
    """Turn what is a linear layer in disguise into one, in place."""
    replace_patch_embeddings(model)
    fold_query_biases(model)


def quantizable(model: nn.Module) -> list[str]:
    """Names of the layers of a fp32 model that int8 would quantize."""
    prepared = copy.deepcopy(model)
    _make_quantizable(prepared)
    return layers(prepared)


def _compact_engine() -> str:
    engine = next((name for name in _COMPACT_ENGINES if name in supported_engines()), None)
    if engine is None:
        raise QuantizeError(
            "This build of torch cannot write compact int8 weights (it has neither ONEDNN nor QNNPACK).",
            action="Use fp32 or fp16, or another build of torch.",
        )
    return engine


def _chosen(model: nn.Module, keep: Sequence[str]) -> list[str]:
    """Names of the linear layers to quantize."""
    names = layers(model)
    unknown = [name for name in keep if not any(_inside(layer, name) for layer in names)]
    if unknown:
        raise QuantizeError(
            f"The model has no layer to keep that is named {unknown[0]}.",
            action=f"Its layers are: {', '.join(names[:5])} …",
        )
    return [layer for layer in names if not any(_inside(layer, name) for name in keep)]


def _inside(layer: str, name: str) -> bool:
    return layer == name or layer.startswith(f"{name}.")


def layers(model: nn.Module) -> list[str]:
    """Names of the layers that int8 quantizes, in the model's order, with the patch embedding as a linear layer."""
    return [name for name, module in model.named_modules() if type(module) is nn.Linear]


def _classifiers(model: nn.Module) -> set[str]:
    """Names of the linear layers that give the logits."""
    find = getattr(model, "get_classifier", None)
    heads = find() if callable(find) else None
    found = heads if isinstance(heads, tuple | list) else (heads,)
    return {name for name, module in model.named_modules() for head in found if head is not None and module is head}
