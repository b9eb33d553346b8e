"""What every importance criterion is: a score for each channel of a group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.prune.dependencies import slices
from pqv_core.errors import PruneError

Batches = Iterable[tuple[Tensor, Tensor]]


class Importance(ABC):
    """Scores the channels of a group (all slices of layers that must be cut together; Fang et al. 2023).

    Attributes:
        estimates_loss: Whether scores are what the loss would change by, in nats an image. Such scores add up where
            several channels go as one, and compare as they are between layers; others are relative to their layer.
    """

    estimates_loss: ClassVar[bool] = False

    def prepare(  # noqa: B027 - most criteria need nothing
        self, model: nn.Module, batches: Batches, *, total: int, context: Context
    ) -> None:
        """Gather what scoring needs from calibration images; nothing by default.

        Args:
            batches: (images (N, C, H, W), classes (N,)).
            total: Number of images, for the progress.
        """

    @abstractmethod
    def scores(self, group: Any) -> Tensor:
        """Scores of shape (channels,) for a ``torch_pruning`` group; the smallest are cut first."""


class Summed(Importance):
    """The sum over all weights that go with a channel, whichever layer of the group they are in."""

    @abstractmethod
    def values(self, weight: nn.Parameter) -> Tensor | None:
        """What each element of a weight adds, in its shape; None where nothing is known of it."""

    @torch.no_grad()
    def scores(self, group: Any) -> Tensor:
        known = [(part, values) for part in slices(group) if (values := self.values(part.weight)) is not None]
        if not known:
            return torch.full((len(group[0].idxs),), torch.nan)
        total = torch.zeros(len(group[0].idxs))
        for part, values in known:
            total = part.added(values, total)
        return total


def accumulate_gradients(model: nn.Module, batches: Batches, *, total: int, context: Context) -> None:
    """Leave in each ``parameter.grad`` the gradient of the mean cross-entropy over all images.

    Raises:
        PruneError: The gradients are not finite.
    """
    model.zero_grad(set_to_none=True)
    done = 0
    for images, labels in batches:
        context.check_cancelled()
        loss = F.cross_entropy(model(images), labels, reduction="sum")
        loss.backward()
        done += len(labels)
        context.progress(min(done, total), total, unit="images")
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    for gradient in gradients:
        gradient /= max(done, 1)
    require_finite(gradients)


def require_finite(values: Iterable[Tensor]) -> None:
    """Refuse gradients, or what was made of them, that are infinite or no number.

    Raises:
        PruneError: One of them is.
    """
    if not all(torch.isfinite(value).all() for value in values):
        raise PruneError(
            "The importance gradients are not finite.", action="Check the model's weights, or choose L1 or L2."
        )
