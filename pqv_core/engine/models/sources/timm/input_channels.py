"""Models whose input has other channels than the one that was published: grey, multispectral."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from timm.models import adapt_input_conv
from torch import Tensor, nn

PUBLISHED = 3
"""Channels of what timm publishes."""


def statistic(published: Sequence[float], channels: int) -> tuple[float, ...]:
    """A mean or a deviation of the published channels for another number of them, as timm adapts the first layer.

    Of one channel it is their mean, since its weights are their sum; more channels repeat them in turn.
    """
    if channels == 1:
        return (sum(published) / len(published),)
    return tuple(published[index % len(published)] for index in range(channels))


def adapted(
    state: Mapping[str, Tensor], model: nn.Module, first_layers: Iterable[str]
) -> tuple[dict[str, Tensor], int | None]:
    """Weights for RGB made to fit a model with other channels, as timm does with those that it publishes.

    Args:
        first_layers: Names of the layers that take the image.

    Returns:
        The weights, and how many channels were asked for; None where nothing had to be adapted.
    """
    result, asked = dict(state), None
    for name in first_layers:
        weight, layer = state.get(f"{name}.weight"), model.get_submodule(name)
        channels = getattr(layer, "in_channels", None)
        if weight is None or weight.dim() != 4 or weight.shape[1] != PUBLISHED or channels in (None, PUBLISHED):
            continue
        result[f"{name}.weight"], asked = adapt_input_conv(int(channels), weight), int(channels)
    return result, asked


def sentence(channels: int) -> str:
    """The warning that a first layer was made for RGB."""
    return f"The weights of the first layer were made for RGB and adapted to {channels} channels as timm does."
