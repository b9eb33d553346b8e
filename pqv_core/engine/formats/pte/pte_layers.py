"""Linear layers in 8 bits with fixed ranges, in the form that XNNPACK recognizes.

XNNPACK computes a linear layer in whole numbers where its input is quantized, its weight is dequantized from stored
whole numbers and its output is quantized: the partitioner looks for these operators around a linear layer. The ranges
are learnt by the same observers as for other formats, before the network is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.ao.quantization import observer as observers
from torch.ao.quantization.fx import _decomposed  # noqa: F401 - registers the operators
from torch.nn import functional

from pqv_core.config.quantize import Observer
from pqv_core.engine.quantize.int8_static import activation_observer

_LEAST, _MOST = -128, 127
_WEIGHT_MOST = 127  # weights are symmetric
_ops: Any = torch.ops.quantized_decomposed
Range = tuple[float, int]
"""Scale and zero point."""


def make_static(model: nn.Module, names: Sequence[str], *, observer: Observer, batches: Iterable[Tensor]) -> None:
    """Quantize linear layers, in place, with ranges of inputs and outputs learnt from images.

    Args:
        batches: Images, each (N, C, H, W).
    """
    ranges = _ranges(model, names, observer, batches)
    for name in names:
        parent, _, child = name.rpartition(".")
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        setattr(model.get_submodule(parent), child, StaticLinear(layer, *ranges[name]))


def _ranges(
    model: nn.Module, names: Sequence[str], observer: Observer, batches: Iterable[Tensor]
) -> dict[str, tuple[Range, Range]]:
    """Range of the input and of the output of each layer."""
    kind: Any = activation_observer(observer).with_args(dtype=torch.qint8, quant_min=_LEAST, quant_max=_MOST)
    seen = {name: (kind(), kind()) for name in names}
    hooks = [model.get_submodule(name).register_forward_hook(_seeing(*seen[name])) for name in names]
    try:
        with torch.inference_mode():
            for images in batches:
                model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (_range(before), _range(after)) for name, (before, after) in seen.items()}


def _seeing(before: observers.ObserverBase, after: observers.ObserverBase) -> Any:
    def look(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        before(inputs[0])
        after(output)

    return look


def _range(observer: Any) -> Range:
    scale, zero = observer.calculate_qparams()
    return float(scale), int(zero)


class StaticLinear(nn.Module):
    """An ``nn.Linear`` in 8 bits, per output channel, with fixed ranges; shapes as there.

    Args:
        before: Of its input.
        after: Of its output.
    """

    def __init__(self, layer: nn.Linear, before: Range, after: Range) -> None:
        super().__init__()
        weight = layer.weight.detach()
        observed = observers.default_per_channel_weight_observer()
        observed(weight)
        scales, zeros = observed.calculate_qparams()
        limits = (0, -_WEIGHT_MOST, _WEIGHT_MOST, torch.int8)
        self.register_buffer("weight", _ops.quantize_per_channel(weight, scales, zeros, *limits))
        self.register_buffer("scales", scales)
        self.register_buffer("zeros", zeros)
        self.bias = layer.bias
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._before, self._after, self._limits = before, after, limits

    def forward(self, input: Tensor) -> Tensor:
        weight = _ops.dequantize_per_channel(self.weight, self.scales, self.zeros, *self._limits)
        return _rounded(functional.linear(_rounded(input, self._before), weight, self.bias), self._after)


def _rounded(values: Tensor, within: Range) -> Tensor:
    """Values as 8 bits can say them."""
    stored = _ops.quantize_per_tensor(values, *within, _LEAST, _MOST, torch.int8)
    restored: Tensor = _ops.dequantize_per_tensor(stored, *within, _LEAST, _MOST, torch.int8)
    return restored
