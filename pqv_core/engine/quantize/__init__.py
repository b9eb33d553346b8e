"""Post-training quantization: one file a scheme, described in ``pqv_core/schemes/``."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from pqv_core.config.base import look_up
from pqv_core.config.quantize import Observer
from pqv_core.engine.quantize.request import Request
from pqv_core.engine.transforms.position_tables import make_tables
from pqv_core.schemes import SCHEMES


def quantize(
    model: nn.Module,
    scheme: str,
    *,
    keep: Sequence[str] = (),
    observer: Observer = "histogram",
    batches: Iterable[Tensor] = (),
) -> nn.Module:
    """A quantized copy of ``model``, as ``quantize_as`` makes it; arguments as in ``Request``."""
    return quantize_as(model, scheme, Request(keep, observer, batches))


def quantize_as(model: nn.Module, scheme: str, request: Request) -> nn.Module:
    """A quantized copy of ``model`` (fp32, in eval mode); for ``fp32`` an unchanged copy.

    Raises:
        ConfigError: There is no such scheme or observer.
        QuantizeError: A name in ``keep`` is not in the model, or this build of torch cannot write int8 weights.
        PluginError: The scheme is another package's, and cannot be loaded or fails.
    """
    info = look_up(SCHEMES, scheme, field="quantize.precision")
    prepared = copy.deepcopy(model)
    make_tables(prepared)  # while all weights have a type, and that of the images
    implementation = SCHEMES.load(info.key)
    with SCHEMES.blaming(info.key):
        quantized = implementation(prepared, request)
        if not isinstance(quantized, nn.Module):
            raise TypeError(f"it gave {quantized!r}, not a model")
    return quantized
