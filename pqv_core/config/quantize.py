"""In which numbers the model computes, and on which kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

from pqv_core.config.base import Config, look_up, one_of
from pqv_core.schemes import SCHEMES, Scheme, has_quantized_layers

Precision = Annotated[str, one_of(SCHEMES)]
Observer = Literal["histogram", "percentile", "minmax"]
Engine = Literal["auto", "x86", "fbgemm", "qnnpack", "onednn"]
Group = Literal[32, 64, 128]
GROUPS: tuple[Group, ...] = get_args(Group)
"""Inputs of a channel that can share a scale: XNNPACK's kernels for 4-bit weights read 32 of them at a time."""


@dataclass(frozen=True)
class ChoiceInfo:
    """What a person reads about an engine, an observer or a target."""

    label: str
    sentence: str


ENGINES: dict[Engine, ChoiceInfo] = {
    "auto": ChoiceInfo("Auto", "Measures your model with every engine of this computer and keeps the fastest."),
    "onednn": ChoiceInfo("ONEDNN", "Intel's kernels; often the fastest on x86."),
    "x86": ChoiceInfo("x86", "PyTorch's mix of FBGEMM and ONEDNN for desktop and server processors."),
    "fbgemm": ChoiceInfo("FBGEMM", "Kernels for x86 processors with AVX2 or AVX-512."),
    "qnnpack": ChoiceInfo("QNNPACK", "Kernels for ARM phones; runs on x86 too, but slowly."),
}


OBSERVERS: dict[Observer, ChoiceInfo] = {
    "histogram": ChoiceInfo("Histogram", "Minimizes quantization error; clips rare large values."),
    "percentile": ChoiceInfo("Percentile", "Ignores one value in 10,000 at either end."),
    "minmax": ChoiceInfo("Min–max", "From the smallest to the largest observed value."),
}


class QuantizeConfig(Config):
    """Post-training quantization.

    Attributes:
        precision: ``fp32`` leaves the model as it is.
        engine: Kernels that run the quantized layers; ``auto`` is chosen by measuring.
        images: Calibration images for schemes that learn ranges.
        observer: How such a scheme finds the range of activations.
        group: Inputs of a channel that share a scale, for schemes that store weights in groups; the most that a layer
            gets (``fitting_group``).
        keep: Layers to leave in floating point: their names in the model, or the names of modules around them, such
            as ``head`` or ``blocks.0``.
        keep_int8: Layers to leave in 8 bits, named alike, for schemes that store weights in fewer.
        sensitivity: Measure what quantizing each layer alone does to the logits.
        tolerance: Leave the most sensitive layers in what the scheme falls back to (``Scheme.fallback``: floating
            point, or 8 bits), as few as it takes for the relative error of the logits to stay below this; None for
            none.
    """

    precision: Precision = "int8-dynamic"
    engine: Engine = "auto"
    images: int = Field(default=64, ge=1, le=100_000)
    observer: Observer = "histogram"
    group: Group = 32
    keep: tuple[str, ...] = ()
    keep_int8: tuple[str, ...] = ()
    sensitivity: bool = False
    tolerance: float | None = Field(default=None, gt=0)

    @property
    def scheme(self) -> Scheme:
        """What ``precision`` names."""
        return look_up(SCHEMES, self.precision, field="quantize.precision")

    @property
    def label(self) -> str:
        """What a person calls it: the scheme, and its groups."""
        return f"{self.scheme.label}, groups of {self.group}" if self.scheme.has_groups else self.scheme.label

    def sparing(self, names: Sequence[str]) -> QuantizeConfig:
        """A copy that leaves these layers, too, in what the scheme falls back to."""
        field = "keep_int8" if self.scheme.fallback == "int8" else "keep"
        return self.changed(**{field: (*getattr(self, field), *names)})

    @property
    def kept(self) -> tuple[str, ...]:
        """The layers and modules that the scheme is told to spare; none where it quantizes no layers."""
        if not self.uses_engine:
            return ()
        return (*self.keep, *(self.keep_int8 if self.scheme.fallback == "int8" else ()))

    @property
    def uses_engine(self) -> bool:
        """Whether there are layers that the engine runs."""
        return has_quantized_layers(self.precision)

    @property
    def looks_at_layers(self) -> bool:
        """Whether each layer is quantized alone before the whole is."""
        return self.uses_engine and (self.sensitivity or self.tolerance is not None)


def fitting_group(inputs: int, most: int) -> int | None:
    """How many of a layer's inputs share a scale: the largest group up to ``most`` that divides their number.

    None where no group does. XNNPACK then has no kernel for weights in 4 bits (a group must divide the inputs, and be a
    multiple of 32), so such a layer gets 8.
    """
    return max((group for group in GROUPS if group <= most and inputs % group == 0), default=None)
