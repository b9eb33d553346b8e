"""Hessian importance, the grouped Optimal Brain Damage (LeCun et al. 1989; grouped: Fang et al. 2023).

A weight's saliency is ½ w² · ∂²L/∂w². The second derivative is taken from the empirical Fisher information: the mean
of the squared gradients of single images.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from timm.layers.norm import LayerNorm, LayerNorm2d
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight
from torch.utils.hooks import RemovableHandle

from pqv_core.engine.context import Context
from pqv_core.engine.importance.base import Batches, Summed, require_finite
from pqv_core.errors import PruneError


class Hessian(Summed):
    """Σ ½ w² · mean over the images of (∂L/∂w)², over all weights of a channel.

    Of a batch, each layer's per-image gradients are formed while the one backward pass goes by, squared and added:
    no image has a backward pass of its own, and gradients of all layers never lie in memory together.
    """

    estimates_loss = True

    def __init__(self) -> None:
        self._curvature: dict[nn.Parameter, Tensor] = {}

    def prepare(self, model: nn.Module, batches: Batches, *, total: int, context: Context) -> None:
        self._curvature = squared_gradients(model, batches, total=total, context=context)

    def values(self, weight: nn.Parameter) -> Tensor | None:
        found = self._curvature.get(weight)
        return None if found is None else weight.square() * found / 2


def squared_gradients(
    model: nn.Module, batches: Batches, *, total: int, context: Context
) -> dict[nn.Parameter, Tensor]:
    """Of each weight of linear layers, convolutions and norms: the mean of its squared per-image gradients.

    Layers whose input does not begin with the images (position biases) are left out.

    Raises:
        PruneError: A gradient is not finite.
    """
    squares: dict[nn.Parameter, Tensor] = {}
    done = 0
    with _watched(model) as watch:
        for images, labels in batches:
            context.check_cancelled()
            watch(squares, len(labels))
            # the weights want no gradient meanwhile, so it is asked of the images
            loss = F.cross_entropy(model(images.clone().requires_grad_()), labels, reduction="sum")
            loss.backward()
            done += len(labels)
            context.progress(min(done, total), total, unit="images")
    model.zero_grad(set_to_none=True)
    for square in squares.values():
        square /= max(done, 1)
    require_finite(squares.values())
    return squares


@contextlib.contextmanager
def _watched(model: nn.Module) -> Iterator[Callable[[dict[nn.Parameter, Tensor], int], None]]:
    """Hooks on the layers; inside, autograd does not form the gradients of their weights, for the hooks do.

    Gives a function that says where the next batch's squares go, and how many images it has.
    """
    layers = [
        module for module in model.modules() if type(module) in _SQUARES and isinstance(module.weight, nn.Parameter)
    ]
    weights = [cast(nn.Parameter, layer.weight) for layer in layers]
    wanted = [weight.requires_grad for weight in weights]
    hooks: list[RemovableHandle] = []

    def watch(squares: dict[nn.Parameter, Tensor], images: int) -> None:
        for hook in hooks:
            hook.remove()
        hooks[:] = [layer.register_forward_hook(_hook(squares, images)) for layer in layers]

    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()
        for weight, want in zip(weights, wanted, strict=True):
            weight.requires_grad_(want)


def _hook(squares: dict[nn.Parameter, Tensor], images: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    """A forward hook that adds a layer's squared gradients once the gradient of its output is known."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        activation = inputs[0].detach()
        if not output.requires_grad or activation.shape[0] % images:
            return
        version = activation._version
        square = _SQUARES[type(module)]

        def add(gradient: Tensor) -> None:
            if activation._version != version:
                raise PruneError(
                    f"The Hessian of this model cannot be measured: an input of its {type(module).__name__} layers "
                    "is overwritten.",
                    action="Choose Taylor.",
                )
            weight = cast(nn.Parameter, module.weight)
            with torch.no_grad():
                found = square(module, activation, gradient, images)
            squares[weight] = squares[weight].add_(found) if weight in squares else found

        output.register_hook(add)

    return hook


def _linear(layer: nn.Module, activation: Tensor, gradient: Tensor, images: int) -> Tensor:
    """Per image, the gradient is Σ over tokens of gradient ⊗ activation."""
    into = activation.reshape(images, -1, activation.shape[-1])
    out = gradient.reshape(images, -1, gradient.shape[-1])
    if into.shape[1] == 1:  # one token: the square of a product is the product of the squares
        return out[:, 0].square().T @ into[:, 0].square()
    total, part = (into.new_zeros(out.shape[-1], into.shape[-1]) for _ in range(2))
    for activations, gradients in zip(into, out, strict=True):  # one at a time stays in the processor's cache
        torch.mm(gradients.T, activations, out=part)
        total.addcmul_(part, part)
    return total


def _convolution(layer: nn.Module, activation: Tensor, gradient: Tensor, images: int) -> Tensor:
    conv = cast(nn.Conv2d, layer)
    total = torch.zeros_like(conv.weight)
    for into, out in zip(activation.chunk(images), gradient.chunk(images), strict=True):
        part = conv2d_weight(
            into,
            conv.weight.shape,
            out,
            stride=conv.stride,
            padding=conv.padding,
            dilation=conv.dilation,
            groups=conv.groups,
        )
        total += part.square_()
    return total


def _layer_norm(layer: nn.Module, activation: Tensor, gradient: Tensor, images: int) -> Tensor:
    norm = cast(nn.LayerNorm, layer)
    if isinstance(norm, LayerNorm2d):  # channels first
        activation, gradient = activation.movedim(1, -1), gradient.movedim(1, -1)
    normalized = F.layer_norm(activation, norm.normalized_shape, None, None, norm.eps)
    per_image = (normalized * gradient).reshape(images, -1, *norm.normalized_shape)
    return per_image.sum(1).square_().sum(0)


def _batch_norm(layer: nn.Module, activation: Tensor, gradient: Tensor, images: int) -> Tensor:
    norm = cast(nn.BatchNorm2d, layer)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    normalized = F.batch_norm(activation, norm.running_mean, norm.running_var, None, None, False, 0.0, norm.eps)
    per_channel = (normalized * gradient).reshape(images, -1, activation.shape[1], *activation.shape[2:])
    return per_channel.movedim(2, -1).flatten(1, -2).sum(1).square_().sum(0)


# Exact classes: a subclass may do more than its name says (a norm with an activation).
_SQUARES: dict[type[nn.Module], Callable[[nn.Module, Tensor, Tensor, int], Tensor]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.LayerNorm: _layer_norm,
    LayerNorm: _layer_norm,
    LayerNorm2d: _layer_norm,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
}
