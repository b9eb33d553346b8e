"""Static int8: the ranges of a layer's input and output are learnt from images, and fixed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.ao import quantization
from torch.ao.quantization import observer as observers

from pqv_core.config.base import look_up
from pqv_core.config.quantize import Observer
from pqv_core.engine.quantize.engines import using_engine
from pqv_core.engine.quantize.int8_dynamic import quantized_layers
from pqv_core.engine.quantize.layers import chosen, classifiers, compact_engine, make_quantizable
from pqv_core.engine.quantize.request import Request

_CUT_OFF = 1e-4


class PercentileObserver(observers.HistogramObserver):
    """The range that leaves out one value in 10,000 at either end (Wu et al. 2020, arXiv 2004.09602, §3.2)."""

    def _non_linear_param_search(self) -> tuple[Tensor, Tensor]:
        """The least and the largest value of the range, from the histogram of all values that were seen."""
        shares = self.histogram.cumsum(0) / self.histogram.sum()
        first = int(torch.searchsorted(shares, _CUT_OFF))
        last = int(torch.searchsorted(shares, 1 - _CUT_OFF))
        width = (self.max_val - self.min_val) / self.bins
        return self.min_val + width * first, self.min_val + width * (last + 1)


_ACTIVATIONS: dict[str, type[observers.ObserverBase]] = {
    "histogram": observers.HistogramObserver,
    "percentile": PercentileObserver,
    "minmax": observers.MinMaxObserver,
}


def quantized(model: nn.Module, request: Request) -> nn.Module:
    """The model with its linear layers in int8; the classifier stays dynamic, for its outputs are compared."""
    make_quantizable(model)
    heads, names = classifiers(model), chosen(model, request.keep)
    with using_engine(compact_engine()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _convert(model, [name for name in names if name not in heads], request.observer, request.batches)
    return quantized_layers(model, [name for name in names if name in heads])


def _convert(model: nn.Module, names: Sequence[str], observer: Observer, batches: Iterable[Tensor]) -> None:
    """Quantize the linear layers ``names``, in place, with ranges learnt from images (torch.ao.quantization).

    Each layer quantizes its fp32 input, multiplies in int8 and gives fp32 again.

    Args:
        model: In eval mode, on the CPU.
        batches: Images, each (N, C, H, W).
    """
    # Products of two 8-bit numbers, added in pairs, overflow 16 bits on x86 processors without VNNI: what is multiplied
    # keeps to 7 bits (torch.ao.quantization.qconfig, default_qconfig of fbgemm and x86), for one file serves every
    # engine. Results are not multiplied: they become fp32 at once, and have all 8.
    factors, results = _qconfig(observer, reduce_range=True), _qconfig(observer, reduce_range=False)
    for name in names:
        parent, _, child = name.rpartition(".")
        wrapped = quantization.QuantWrapper(model.get_submodule(name))
        wrapped.qconfig, wrapped.module.qconfig = factors, results  # type: ignore[assignment]
        setattr(model.get_submodule(parent), child, wrapped.eval())
    quantization.prepare(model, inplace=True)
    with torch.inference_mode():
        for images in batches:
            model(images)
    quantization.convert(model, inplace=True)


def activation_observer(observer: Observer) -> type[observers.ObserverBase]:
    """The class that learns a range.

    Raises:
        ConfigError: There is no such observer.
    """
    return look_up(_ACTIVATIONS, observer, field="quantize.observer")


def _qconfig(observer: Observer, *, reduce_range: bool) -> quantization.QConfig:
    return quantization.QConfig(
        activation=activation_observer(observer).with_args(reduce_range=reduce_range),
        weight=observers.default_per_channel_weight_observer,
    )
