"""Linear layers with torchao's quantized weights, whose inputs are quantized per token while the model runs.

They are recorded by ``torch.export`` as a linear layer between operators of torchao, which XNNPACK's partitioner
recognizes. torchao is an extra and takes seconds to import: nobody imports this who quantizes no layer so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torchao.quantization import Int8DynamicActivationIntxWeightConfig, PerAxis, PerGroup, quantize_

_INT4: Any = vars(torch)["int4"]  # not in torch's stubs


def make_int8(model: nn.Module, names: Iterable[str]) -> None:
    """Quantize linear layers, in place: weights in 8 bits, with a scale for each output channel."""
    _quantize(model, names, Int8DynamicActivationIntxWeightConfig(torch.int8, PerAxis(0)))


def make_int4(model: nn.Module, names: Iterable[str], group: int) -> None:
    """Quantize linear layers, in place: weights in 4 bits, with a scale for each ``group`` of inputs of a channel.

    XNNPACK takes groups of a multiple of 32 that divide the inputs; layers with other widths get 8 bits.
    """
    wanted = list(names)
    fitting = [name for name in wanted if model.get_parameter(f"{name}.weight").shape[1] % group == 0]
    _quantize(model, fitting, Int8DynamicActivationIntxWeightConfig(_INT4, PerGroup(group)))
    make_int8(model, set(wanted) - set(fitting))


def _quantize(model: nn.Module, names: Iterable[str], config: Int8DynamicActivationIntxWeightConfig) -> None:
    chosen = set(names)
    quantize_(model, config, filter_fn=lambda module, name: name in chosen)
