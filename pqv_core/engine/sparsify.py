"""Training that shrinks what can be spared, before anything is cut: structured sparsity (Fang et al. 2023, §3.3).

The loss gets λ Σ γ‖w‖ over the units of every width: channels or heads, with all weights that would be cut along with
them. The weaker a unit already is in its width, the larger is its γ, so that the weak become weaker and little is lost
when they go.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.engine import models, structure
from pqv_core.engine.context import Context
from pqv_core.engine.data import Images
from pqv_core.engine.dependencies import Dependencies, Slices
from pqv_core.engine.finetune import Sets, Trainer, prepared
from pqv_core.engine.seeding import reproducible
from pqv_core.fsio import sha256_json

_GAMMA = 4.0
"""The weakest unit is drawn to zero 2⁴ times as strongly as the strongest (as in torch-pruning)."""


def sparsify(
    model: nn.Module,
    config: FinetuneConfig,
    prune: PruneConfig,
    *,
    train: Images,
    directory: Path,
    seed: int,
    context: Context,
) -> nn.Module:
    """A copy of ``model`` trained for ``prune.sparse_epochs`` with the group norm in its loss, in eval mode.

    Sends ``sparse_loss`` and ``group_norm``. Can be killed at any moment and goes on as fine-tuning does.

    Args:
        model: Left as it is.
        config: How it is trained; epochs, distillation and early stop do not count.
        directory: Holds the state from which a killed training goes on.

    Raises:
        PruneError: Nothing that ``prune`` names can be cut.
        TrainingError: The loss became NaN or infinite, or the device is not there.
        DataError: Too many images cannot be read, or their classes are not the model's.
        StorageError: The state cannot be written.
        Cancelled: The end was asked for; the state is kept.
    """
    alone = {"distillation": 0.0, "feature_distillation": 0.0, "patience": None, "ema_decay": None}
    phase = config.changed(epochs=prune.sparse_epochs, **alone)
    sets = prepared(train, None, phase, seed)
    trainer = _Sparsifier(copy.deepcopy(model), phase, sets, prune, directory=directory, seed=seed, context=context)
    with reproducible(trainer.device):
        return trainer.run()


class GroupNorm:
    """The norms of all units of a model's widths, and the part of the loss that is made of them.

    Args:
        model: In eval mode on the CPU; its parameters may move to another device afterwards.
        prune: Says which widths, and by its importance which norm: L1 for ``l1``, L2 for all others.
    """

    def __init__(self, model: nn.Module, prune: PruneConfig, context: Context) -> None:
        widths = structure.widths(model, prune)
        shape = (1, *models.preprocessing(model).input_size)
        dependencies = Dependencies(model, widths, shape=shape, context=context)
        self._power = 1 if prune.importance == "l1" else 2
        self._strength = prune.sparse_strength
        names = {parameter: name for name, parameter in model.named_parameters()}
        self._groups = [
            (width.unit_of_channel(), [_Part(names[found.weight], found) for found in dependencies.slices(width)])
            for width in widths
        ]

    def __call__(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """What is added to the loss, and the sum of all norms; both scalars.

        Args:
            model: Of the same parameters as the one it was made for.
        """
        parameters = dict(model.named_parameters())
        loss, total = [], []
        for units, parts in self._groups:
            powers = self._powers(units, parts, parameters)
            norms = powers.detach() if self._power == 1 else powers.detach().sqrt()
            spread = (norms.max() - norms.min()).clamp_min(1e-12)
            gamma = 2 ** (_GAMMA * (norms.max() - norms) / spread)
            loss.append((gamma * powers).sum() / self._power)
            total.append(norms.sum())
        return self._strength * torch.stack(loss).sum(), torch.stack(total).sum()

    def _powers(self, units: Tensor, parts: list[_Part], parameters: dict[str, nn.Parameter]) -> Tensor:
        """Σ |w|ᵖ of each unit, of shape (units,)."""
        device = next(iter(parameters.values())).device
        sums = torch.zeros(int(units.max()) + 1, device=device)
        for part in parts:
            weight = parameters[part.name].movedim(part.dimension, 0).flatten(1)
            powers = weight.abs() if self._power == 1 else weight.square()
            chosen = powers.sum(1)[part.indices.to(device)]
            sums = sums.index_add(0, units[part.channels].to(device), chosen)
        return sums


class _Part:
    """Slices of a weight, by its name: the trainer's weights are copies."""

    def __init__(self, name: str, found: Slices) -> None:
        self.name, self.dimension = name, found.dimension
        self.indices, self.channels = found.indices, found.channels


class _Sparsifier(Trainer):
    loss_curve = "sparse_loss"

    def __init__(
        self,
        model: nn.Module,
        config: FinetuneConfig,
        sets: Sets,
        prune: PruneConfig,
        *,
        directory: Path,
        seed: int,
        context: Context,
    ) -> None:
        self._prune = prune
        self._norm = GroupNorm(model.eval(), prune, context)
        self._total = 0.0
        super().__init__(model, config, sets, teacher=None, directory=directory, seed=seed, context=context)

    def _key(self) -> str:
        return sha256_json([super()._key(), self._prune.model_dump(mode="json", include=set(PHASE))])

    def _extra_loss(self) -> Tensor:
        loss, total = self._norm(self.raw)
        self._total = float(total)
        return loss

    def _report_more(self, epoch: float, rate: float) -> None:
        self.context.metric("group_norm", step=self.position.step, value=self._total, epoch=epoch)


PHASE = ("sparse_epochs", "sparse_strength", "importance", "mlp", "attention", "attention_unit", "embedding")
"""Settings of pruning that the phase depends on."""
