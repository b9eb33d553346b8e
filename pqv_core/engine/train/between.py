"""Fine-tuning between two steps of pruning, so that what is left recovers before more is cut."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data.batches import Images
from pqv_core.engine.train.finetune import Trainer, prepared
from pqv_core.engine.train.seeding import reproducible


def phase(config: FinetuneConfig, prune: PruneConfig) -> FinetuneConfig:
    """The settings of each of these trainings: those of fine-tuning, for ``prune.epochs_between``."""
    return config.changed(epochs=prune.epochs_between, patience=None)


def settings(config: FinetuneConfig) -> dict[str, Any]:
    """What of the settings of fine-tuning these trainings depend on, as JSON."""
    unread = {"epochs", "patience"} | (set() if config.distillation else {"temperature"})
    return config.model_dump(mode="json", exclude=unread)


def train(
    model: nn.Module,
    config: FinetuneConfig,
    *,
    before: int,
    images: Images,
    directory: Path,
    seed: int,
    context: Context,
    teacher: nn.Module | None = None,
) -> nn.Module:
    """A copy of ``model`` trained to its end, in eval mode and on the CPU.

    Sends ``between_loss``, one curve over all these trainings. Nothing is validated: the last weights are taken. Can be
    killed at any moment and goes on as fine-tuning does.

    Args:
        model: Left as it is.
        config: As ``phase`` gives it.
        before: How many such trainings come before this one in the curve.
        directory: Holds the state of this one.
        teacher: The unpruned model, for distillation; left as it is.

    Raises:
        TrainingError: The loss became NaN or infinite, or the device is not there.
        DataError: Too many images cannot be read, or their classes are not the model's.
        StorageError: The state cannot be written.
        Cancelled: The end was asked for; the state is kept.
    """
    sets = prepared(images, None, config, seed)
    pupil = copy.deepcopy(model)
    trainer = _Between(pupil, config, sets, teacher=teacher, directory=directory, seed=seed, context=context)
    trainer.first_step = before * trainer.steps
    with reproducible(trainer.device):
        return trainer.run().requires_grad_(True)  # an average asks for no gradients, which tell what to cut next


class _Between(Trainer):
    loss_curve = "between_loss"

    def _report_more(self, epoch: float, rate: float) -> None:
        """The rate rises and falls in each of them; its curve is that of the training after the last step."""
