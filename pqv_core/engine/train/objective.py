"""What fine-tuning makes small: the distance to the labels and, if asked for, to the unpruned model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig
from pqv_core.errors import TrainingError


class Student(nn.Module):
    """A model that gives its last features along with its logits, in one pass.

    Raises:
        TrainingError: It cannot be asked for them.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        if not hasattr(model, "forward_features"):
            raise TrainingError(
                f"The model ({type(model).__name__}) does not give its last features.",
                action="Set finetune.feature_distillation to 0, or choose another model.",
            )
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of shape (N, classes), and what the head takes."""
        return with_features(self.model, images)


def with_features(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and last features of a model with timm's two steps, ``forward_features`` and ``forward_head``."""
    features = model.forward_features(images)  # type: ignore[operator]
    return model.forward_head(features), features  # type: ignore[operator]


class Objective:
    """The loss of a batch.

    Args:
        config: Weights of its parts.
        teacher: The unpruned model, in eval mode on the training's device.
        autocast: Gives the arithmetic that the training uses.
    """

    def __init__(
        self,
        config: FinetuneConfig,
        teacher: nn.Module | None,
        autocast: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._config = config
        self._teacher = teacher
        self._autocast = autocast

    def __call__(self, answer: Tensor | tuple[Tensor, Tensor], images: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over the images.

        Args:
            answer: The student's logits, or these and its features.
            images: What it answered, shape (N, C, H, W).
            targets: Classes of shape (N,), or shares of shape (N, classes).
        """
        logits, features = answer if isinstance(answer, tuple) else (answer, None)
        loss = self._labels(logits.float(), targets)
        if self._teacher is None:
            return loss
        with torch.no_grad(), self._autocast():
            taught, shown = self._taught(images, features is not None)
        loss = loss * (1 - self._config.distillation)
        if self._config.distillation:
            loss = loss + self._config.distillation * soft(logits.float(), taught.float(), self._config.temperature)
        if features is not None and shown is not None:
            loss = loss + self._config.feature_distillation * _features(features, shown)
        return loss

    def _labels(self, logits: Tensor, targets: Tensor) -> Tensor:
        smoothing = self._config.label_smoothing if targets.ndim == 1 else 0.0  # mixing has put it in already
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)

    def _taught(self, images: Tensor, features: bool) -> tuple[Tensor, Tensor | None]:
        assert self._teacher is not None
        return with_features(self._teacher, images) if features else (self._teacher(images), None)


def soft(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softened answers, times the temperature squared (Hinton et al. 2015)."""
    ours = F.log_softmax(logits / temperature, dim=1)
    theirs = F.log_softmax(taught / temperature, dim=1)
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2


def _features(ours: Tensor, theirs: Tensor) -> Tensor:
    if ours.shape != theirs.shape:
        raise TrainingError(
            f"The pruned model's features differ in shape from the unpruned one's "
            f"({list(ours.shape[1:])} and {list(theirs.shape[1:])}).",
            action="Prune without cutting the embedding, or set finetune.feature_distillation to 0.",
        )
    return F.mse_loss(ours.float(), theirs.float())
