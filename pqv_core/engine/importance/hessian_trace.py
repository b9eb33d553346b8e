"""Hessian-trace importance (HAP, Yu et al. 2022, eq. 8): how curved the loss is along a channel's weights.

The trace is estimated by Hutchinson's method: E[v ∘ Hv] over random signs v is the diagonal of H.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pqv_core.engine.context import Context
from pqv_core.engine.importance.base import Batches, Summed, require_finite
from pqv_core.errors import PruneError


class HessianTrace(Summed):
    """Σ ½ w² · |diag H| over all weights of a channel.

    One product of the Hessian with a vector a batch; a mean over the batches takes the place of one over vectors.
    """

    estimates_loss = True

    def __init__(self) -> None:
        self._diagonal: dict[nn.Parameter, Tensor] = {}

    def prepare(self, model: nn.Module, batches: Batches, *, total: int, context: Context) -> None:
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        diagonal = [torch.zeros_like(weight) for weight in weights]
        done = 0
        for images, labels in batches:
            context.check_cancelled()
            for sum_, part in zip(diagonal, _diagonal(model, weights, images, labels), strict=True):
                sum_ += part
            done += len(labels)
            context.progress(done, total, unit="images")
        require_finite(diagonal)
        self._diagonal = {weight: found.abs_() / max(done, 1) for weight, found in zip(weights, diagonal, strict=True)}

    def values(self, weight: nn.Parameter) -> Tensor | None:
        found = self._diagonal.get(weight)
        return None if found is None else weight.square() * found / 2


def _diagonal(model: nn.Module, weights: list[nn.Parameter], images: Tensor, labels: Tensor) -> list[Tensor]:
    """One estimate of the diagonal of the Hessian of the batch's summed cross-entropy.

    Raises:
        PruneError: An operation of the model has no second derivative.
    """
    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        loss = F.cross_entropy(model(images), labels, reduction="sum")
    gradients = torch.autograd.grad(loss, weights, create_graph=True, materialize_grads=True)
    signs = [torch.randint_like(weight, 2).mul_(2).sub_(1) for weight in weights]
    try:
        product = torch.autograd.grad(gradients, weights, grad_outputs=signs, materialize_grads=True)
    except RuntimeError as error:
        raise PruneError(
            "The second derivatives of this model cannot be computed.",
            action="Choose Taylor or Hessian.",
            details=str(error),
        ) from error
    return [part.mul_(sign) for part, sign in zip(product, signs, strict=True)]
