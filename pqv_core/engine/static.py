"""Static int8: the ranges of a layer's input and output are learnt from images, and fixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.ao import quantization
from torch.ao.quantization import observer as observers

from pqv_core.config.quantize import Observer

# Products of two 8-bit numbers, added in pairs, overflow 16 bits on x86 processors without VNNI: activations keep to
# 7 bits there (torch.ao.quantization.qconfig, default_qconfig of fbgemm and x86). One file serves every engine.
_ACTIVATIONS: dict[Observer, type[observers.ObserverBase]] = {
    "histogram": observers.HistogramObserver,
    "minmax": observers.MinMaxObserver,
}


def convert(model: nn.Module, names: Sequence[str], observer: Observer, batches: Iterable[Tensor]) -> None:
    """Quantize the linear layers ``names`` of ``model``, in place, with ranges learnt from ``batches``.

    Each layer quantizes its fp32 input, multiplies in int8 and gives fp32 again.

    Args:
        model: In eval mode, on the CPU.
        batches: Images, each (N, C, H, W).
    """
    qconfig = quantization.QConfig(
        activation=_ACTIVATIONS[observer].with_args(reduce_range=True),
        weight=observers.default_per_channel_weight_observer,
    )
    for name in names:
        parent, _, child = name.rpartition(".")
        wrapped = quantization.QuantWrapper(model.get_submodule(name))
        wrapped.qconfig = qconfig  # type: ignore[assignment]
        setattr(model.get_submodule(parent), child, wrapped.eval())
    quantization.prepare(model, inplace=True)
    with torch.inference_mode():
        for images in batches:
            model(images)
    quantization.convert(model, inplace=True)
