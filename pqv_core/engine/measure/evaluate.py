"""How often a model is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.data.batches import Batch, Images, normalized
from pqv_core.errors import DataError, ModelError
from pqv_core.results.record import Accuracy

Answer = Callable[[Tensor], Tensor]


@dataclass
class Tally:
    """Sums over images, so that parts of a dataset can be added up.

    Attributes:
        answers: By image of the set, the output that was the highest.
    """

    top1: int = 0
    top5: int = 0
    loss: float = 0.0
    images: int = 0
    answers: dict[int, int] = field(default_factory=dict)

    def add(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Count a batch; returns the outputs that were the highest, of shape (N,).

        Args:
            logits: Shape (N, classes).
            labels: Shape (N,).

        Raises:
            DataError: There are labels beyond the model's classes.
            ModelError: The logits are not finite.
        """
        check_classes(logits, labels)
        logits = logits.float()
        if not torch.isfinite(logits).all():
            raise ModelError(
                "The model's outputs are not finite.",
                action="Check its weights or use others.",
            )
        outputs = logits.topk(min(5, logits.shape[1]), dim=1).indices
        ranked = outputs == labels[:, None]
        self.top1 += int(ranked[:, 0].sum())
        self.top5 += int(ranked.sum())
        self.loss += float(F.cross_entropy(logits.double(), labels, reduction="sum"))
        self.images += len(labels)
        return outputs[:, 0]

    def result(self) -> Accuracy:
        """The shares and the mean."""
        return Accuracy(
            top1=self.top1 / self.images,
            top5=self.top5 / self.images,
            loss=self.loss / self.images,
            images=self.images,
        )


def check_classes(logits: Tensor, labels: Tensor) -> None:
    """Refuse labels that the model has no output for.

    Raises:
        DataError: Says how many there are of each.
    """
    highest = int(labels.max())
    if highest >= logits.shape[1]:
        raise DataError(
            f"The images have at least {highest + 1} classes, but the model has {logits.shape[1]} outputs.",
            action="Use images of the model's classes, or give the model a new head.",
        )


def accuracy(model: nn.Module | Answer, dataset: Images, *, batch_size: int, context: Context) -> Accuracy:
    """Top-1, top-5 and mean cross-entropy over all readable images.

    Args:
        model: A module (left in the mode it was in), or anything that turns (N, C, H, W) into (N, classes).
        batch_size: Images a step; 1 for a file that takes one image at a time.

    Raises:
        DataError: Too many images cannot be read, or their classes are not the model's.
        Cancelled: The end was asked for.
    """
    return judged(model, dataset, batch_size=batch_size, context=context).result()


def judged(model: nn.Module | Answer, dataset: Images, *, batch_size: int, context: Context) -> Tally:
    """The sums behind ``accuracy``, with progress told and unreadable images reported.

    Raises:
        DataError: As ``accuracy``.
        Cancelled: The end was asked for.
    """
    tally = count(
        model, dataset, batch_size=batch_size, tick=lambda done: context.progress(done, len(dataset), unit="images")
    )
    dataset.report_unreadable()
    return tally


def count(
    model: nn.Module | Answer,
    dataset: Images,
    *,
    batch_size: int,
    tick: Callable[[int], None],
    part: tuple[int, int] = (0, 1),
) -> Tally:
    """The sums behind ``accuracy``.

    Args:
        tick: Told after each batch how many images are done.
        part: (index, number) of the part of all batches to look at.
    """
    tally = Tally()
    training = isinstance(model, nn.Module) and model.training
    if isinstance(model, nn.Module):
        model.eval()
    device = _device(model)
    done = 0
    try:
        for batch in dataset.in_order(batch_size, part=part):
            if len(batch.labels):
                _judge(model, batch, dataset, device, tally)
            done = min(done + batch_size * part[1], len(dataset))
            tick(done)
    finally:
        if isinstance(model, nn.Module):
            model.train(training)
    return tally


def _judge(model: nn.Module | Answer, batch: Batch, dataset: Images, device: torch.device, tally: Tally) -> None:
    with torch.inference_mode():
        logits = model(normalized(batch.images, dataset.preprocessing, device))
        highest = tally.add(logits, batch.labels.to(device))
    tally.answers.update(zip(batch.indices, highest.tolist(), strict=True))


def _device(model: nn.Module | Answer) -> torch.device:
    """Where the model is; quantized modules, whose weights are no parameters, are on the CPU."""
    first = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    return first.device if first is not None else torch.device("cpu")
