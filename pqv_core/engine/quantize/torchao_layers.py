"""Linear layers with torchao's quantized weights, whose inputs are quantized per token while the model runs.

They are recorded by ``torch.export`` as a linear layer between operators of torchao, which XNNPACK's partitioner
recognizes. torchao is an extra and takes seconds to import: nobody imports this who quantizes no layer so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torchao.quantization import Int8DynamicActivationIntxWeightConfig, PerAxis, PerGroup, quantize_
from torchao.quantization.quantize_.workflows import IntxChooseQParamsAlgorithm

from pqv_core.config.quantize import fitting_group

_INT4: Any = vars(torch)["int4"]  # not in torch's stubs


def make_int8(model: nn.Module, names: Iterable[str]) -> None:
    """Quantize linear layers, in place: weights in 8 bits, with a scale for each output channel."""
    _quantize(model, names, Int8DynamicActivationIntxWeightConfig(torch.int8, PerAxis(0)))


def make_int4(model: nn.Module, names: Iterable[str], group: int) -> None:
    """Quantize linear layers, in place: weights in 4 bits, with a scale for each group of inputs of a channel.

    A layer gets the largest group up to ``group`` that fits it, or 8 bits where none does (``fitting_group`` says why).
    Scales are fitted to the weights by half-quadratic quantization (Badri and Shaji 2023), which needs no images;
    docs/decisions/0014-int4-scales.md has what it gains.
    """
    fitting = defaultdict[int | None, list[str]](list)
    for name in names:
        inputs = model.get_parameter(f"{name}.weight").shape[1]
        fitting[fitting_group(inputs, group)].append(name)
    make_int8(model, fitting.pop(None, []))
    for size, alike in fitting.items():
        config = Int8DynamicActivationIntxWeightConfig(
            _INT4, PerGroup(size), intx_choose_qparams_algorithm=IntxChooseQParamsAlgorithm.HQQ_SCALE_ONLY
        )
        _quantize(model, alike, config)


def _quantize(model: nn.Module, names: Iterable[str], config: Int8DynamicActivationIntxWeightConfig) -> None:
    chosen = set(names)
    quantize_(model, config, filter_fn=lambda module, name: name in chosen)
