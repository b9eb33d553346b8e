"""How much each layer's quantization alone changes the logits, and which layers to spare for a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.measure.parity import logits, relative_error
from pqv_core.engine.quantize.layers import quantizable
from pqv_core.errors import QuantizeError
from pqv_core.results.record import LayerSensitivity

Quantizer = Callable[[nn.Module, Sequence[str]], nn.Module]


def measure(model: nn.Module, inputs: Tensor, *, make: Quantizer, context: Context) -> list[LayerSensitivity]:
    """Quantize each layer alone; the layers whose quantization changes the logits most come first.

    Args:
        model: fp32, in eval mode.
        inputs: (N, C, H, W).
        make: Quantizes a model as it will be, but for the layers named, which it leaves in floating point.
    """
    names = quantizable(model)
    expected = logits(model, inputs)
    found = []
    for done, name in enumerate(names):
        context.progress(done, len(names), unit="layers")
        alone = make(model, [other for other in names if other != name])
        found.append(LayerSensitivity(name=name, relative=relative_error(logits(alone, inputs), expected)))
    return sorted(found, key=lambda item: -item.relative)


def layers_to_spare(
    model: nn.Module,
    inputs: Tensor,
    ranked: Sequence[LayerSensitivity],
    *,
    tolerance: float,
    make: Quantizer,
    context: Context,
) -> tuple[list[str], float]:
    """The fewest of the most sensitive layers that must be spared, and the error that is left.

    Their number is found by bisection, for sparing more layers hardly ever makes the error larger.

    Args:
        make: Quantizes a model as it will be, with the layers named in what the scheme falls back to.

    Raises:
        QuantizeError: Not even sparing every layer meets the tolerance.
    """
    expected = logits(model, inputs)
    names = [item.name for item in ranked]

    def error(count: int) -> float:
        context.check_cancelled()
        return relative_error(logits(make(model, names[:count]), inputs), expected)

    left = error(0)
    if left <= tolerance:
        return [], left
    low, high = 0, len(names)
    left = error(high)
    if left > tolerance:
        raise QuantizeError(
            f"Even with all layers spared the logits differ by {left:.3g}.",
            action="Raise quantize.tolerance or turn it off.",
        )
    while high - low > 1:
        middle = (low + high) // 2
        found = error(middle)
        if found <= tolerance:
            high, left = middle, found
        else:
            low = middle
    return names[:high], left
