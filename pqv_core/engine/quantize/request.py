"""What a quantization scheme is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from pqv_core.config.quantize import Observer, QuantizeConfig


@dataclass(frozen=True)
class Request:
    """Besides the model, which a scheme may change in place: fp32, on the CPU, in eval mode.

    Attributes:
        keep: Names of layers, or of modules around them, that stay in floating point.
        observer: How ranges of activations are found.
        batches: Calibration images for schemes that learn ranges, each (N, C, H, W).
        group: The most inputs that share a scale, for schemes that store weights in groups.
        keep_int8: Names, like ``keep``, of what gets 8 bits where the scheme has fewer.
    """

    keep: Sequence[str] = ()
    observer: Observer = "histogram"
    batches: Iterable[Tensor] = ()
    group: int = 32
    keep_int8: Sequence[str] = ()

    @classmethod
    def of(cls, config: QuantizeConfig, batches: Iterable[Tensor]) -> Request:
        """What the settings ask for."""
        return cls(config.keep, config.observer, batches, config.group, config.keep_int8)
