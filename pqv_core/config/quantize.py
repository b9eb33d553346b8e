"""In which numbers the model computes, and on which kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pqv_core.config.base import Config

Precision = Literal["fp32", "int8-dynamic"]
Engine = Literal["auto", "x86", "fbgemm", "qnnpack", "onednn"]


@dataclass(frozen=True)
class ChoiceInfo:
    """What a person reads about a precision or an engine."""

    label: str
    sentence: str


PRECISIONS: dict[Precision, ChoiceInfo] = {
    "int8-dynamic": ChoiceInfo(
        "INT8 dynamic", "Weights in 8 bits, activations quantized while running. No calibration needed."
    ),
    "fp32": ChoiceInfo("FP32", "Nothing is quantized: full precision, largest file."),
}
ENGINES: dict[Engine, ChoiceInfo] = {
    "auto": ChoiceInfo("Auto", "Measures every engine of this computer on your model and keeps the fastest."),
    "onednn": ChoiceInfo("ONEDNN", "Intel's kernels; often the fastest on x86."),
    "x86": ChoiceInfo("x86", "PyTorch's mix of FBGEMM and ONEDNN for desktop and server processors."),
    "fbgemm": ChoiceInfo("FBGEMM", "Kernels for x86 processors with AVX2 or AVX-512."),
    "qnnpack": ChoiceInfo("QNNPACK", "Kernels for ARM phones; runs on x86 too, but slowly."),
}


class QuantizeConfig(Config):
    """Post-training quantization.

    Attributes:
        precision: ``fp32`` leaves the model as it is.
        engine: Kernels that run the quantized layers; ``auto`` is chosen by measuring.
    """

    precision: Precision = "int8-dynamic"
    engine: Engine = "auto"
