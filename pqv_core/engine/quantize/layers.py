"""The layers of a model that int8 schemes quantize.

Packed weights are stored in a form that no engine owns and are packed anew, at load, by the engine that is
current then. So one file serves every engine, and the engine is a property of loading it. FBGEMM copies the
weights at each serialisation and would store shared ones twice; a model is therefore quantized under an engine
that does not (``compact_engine``: onednn, else qnnpack), whatever engine will run it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import nn

from pqv_core.engine.quantize.engines import supported_engines
from pqv_core.engine.transforms.biases import fold_query_biases
from pqv_core.engine.transforms.patches import replace_patch_embeddings
from pqv_core.errors import QuantizeError

_COMPACT_ENGINES = ("onednn", "qnnpack")


def make_quantizable(model: nn.Module) -> None:
    """Turn what is a linear layer in disguise into one, in place."""
    replace_patch_embeddings(model)
    fold_query_biases(model)


def quantizable(model: nn.Module) -> list[str]:
    """Names of the layers of a fp32 model that int8 would quantize."""
    prepared = copy.deepcopy(model)
    make_quantizable(prepared)
    return layers(prepared)


def check_names(model: nn.Module, keep: Sequence[str]) -> None:
    """Whether a fp32 model will have the layers to keep once it is made quantizable.

    Raises:
        QuantizeError: A name in ``keep`` is not in the model.
    """
    prepared = copy.deepcopy(model)
    make_quantizable(prepared)
    named(prepared, keep)


def compact_engine() -> str:
    """The engine under which to quantize.

    Raises:
        QuantizeError: This build of torch has none.
    """
    engine = next((name for name in _COMPACT_ENGINES if name in supported_engines()), None)
    if engine is None:
        raise QuantizeError(
            "This build of torch cannot write compact int8 weights (it has neither ONEDNN nor QNNPACK).",
            action="Use fp32 or fp16, or another build of torch.",
        )
    return engine


def chosen(model: nn.Module, keep: Sequence[str]) -> list[str]:
    """Names of the linear layers to quantize: all but those in ``keep``, and in modules named there.

    Raises:
        QuantizeError: A name in ``keep`` is not in the model.
    """
    kept = set(named(model, keep))
    return [layer for layer in layers(model) if layer not in kept]


def named(model: nn.Module, keep: Sequence[str]) -> list[str]:
    """Names of the linear layers that ``keep`` names, or modules there are in.

    Raises:
        QuantizeError: A name in ``keep`` is not in the model.
    """
    names = layers(model)
    unknown = [name for name in keep if not any(_inside(layer, name) for layer in names)]
    if unknown:
        raise QuantizeError(
            f"The model has no layer to keep named {unknown[0]}.",
            action=f"Its layers are: {', '.join(names[:5])} …",
        )
    return [layer for layer in names if any(_inside(layer, name) for name in keep)]


def _inside(layer: str, name: str) -> bool:
    return layer == name or layer.startswith(f"{name}.")


def layers(model: nn.Module) -> list[str]:
    """Names of the layers that int8 quantizes, in the model's order, with the patch embedding as a linear layer."""
    return [name for name, module in model.named_modules() if type(module) is nn.Linear]


def classifiers(model: nn.Module) -> set[str]:
    """Names of the linear layers that give the logits."""
    find = getattr(model, "get_classifier", None)
    heads = find() if callable(find) else None
    found = heads if isinstance(heads, tuple | list) else (heads,)
    return {name for name, module in model.named_modules() for head in found if head is not None and module is head}
