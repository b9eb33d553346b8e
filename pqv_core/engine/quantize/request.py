"""What a quantization scheme is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from pqv_core.config.quantize import Observer


@dataclass(frozen=True)
class Request:
    """Besides the model, which a scheme may change in place: fp32, on the CPU, in eval mode.

    Attributes:
        keep: Names of layers, or of modules around them, that stay in floating point.
        observer: How ranges of activations are found.
        batches: Calibration images for schemes that learn ranges, each (N, C, H, W).
    """

    keep: Sequence[str] = ()
    observer: Observer = "histogram"
    batches: Iterable[Tensor] = ()
