"""Training before anything is cut that shrinks what will be: the group norm of a width's weakest channels or heads.

Group norms are those of DepGraph (Fang et al. 2023, §3.3): of all weights that would be cut together. As in growing
regularization (Wang et al. 2021, GReg-1) only what would be cut now is drawn to zero; to penalise all of it, as
torch-pruning does, costs more accuracy than it saves (docs/fine-tuning.md has the figures).

AdamW divides a gradient by its own size, so a penalty in the loss would draw all weights alike. So its step is taken
apart from the loss's, as weight decay is (Loshchilov & Hutter 2019, §2): weights shrink in proportion for the L2 norm,
by a constant, to zero at most, for the L1 norm. How far over the whole phase is what the strength says, whatever the
learning rate and the number of steps.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.data.batches import Images
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.allocation import ByRatio, Scored
from pqv_core.engine.prune.dependencies import Dependencies, Slices
from pqv_core.engine.structure import Width
from pqv_core.engine.train.finetune import Sets, Trainer, prepared
from pqv_core.engine.train.seeding import reproducible
from pqv_core.files.fsio import sha256_json


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
    """A copy of ``model`` trained for ``prune.sparse_epochs`` with the group norm as a penalty, in eval mode.

    Sends ``sparse_loss`` and ``group_norm``, the norm of what would be cut. Can be killed at any moment and goes on as
    fine-tuning does.

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
    phase = config.changed(epochs=prune.sparse_epochs, **_ALONE)
    sets = prepared(train, None, phase, seed)
    trainer = _Sparsifier(copy.deepcopy(model), phase, sets, prune, directory=directory, seed=seed, context=context)
    with reproducible(trainer.device):
        return trainer.run()


class GroupNorm:
    """The norms of what may be cut, and the steps that make smaller what would be cut now.

    Args:
        model: In eval mode on the CPU; its parameters may move to another device afterwards.
        prune: Says which widths, and by its importance which norm: L1 for ``l1``, L2 for all others.
    """

    def __init__(self, model: nn.Module, prune: PruneConfig, context: Context) -> None:
        self._prune = prune
        self._widths = structure.widths(model, prune)
        shape = (1, *models.preprocessing(model).input_size)
        dependencies = Dependencies(model, self._widths, shape=shape, context=context)
        self._power = _power(prune)
        self._rate = -math.log1p(-prune.sparse_strength)
        names = {parameter: name for name, parameter in model.named_parameters()}
        self._parts = [
            [_Part(names[found.weight], found) for found in dependencies.slices(width)] for width in self._widths
        ]

    @torch.no_grad()
    def shrink(self, model: nn.Module, share: float) -> tuple[float, float]:
        """Take the penalty's step, in place.

        Args:
            model: Of the same parameters as the one it was made for.
            share: Of the whole phase that this step is.

        Returns:
            Before it, the sums of the norms of what would be cut, and of everything that may be.
        """
        parameters = dict(model.named_parameters())
        sums = [self._sums(width, parts, parameters) for width, parts in zip(self._widths, self._parts, strict=True)]
        rankings = [width.rank(mine, adds_up=False) for width, mine in zip(self._widths, sums, strict=True)]
        norms = [mine ** (1 / self._power) for mine in sums]
        starts = {width.name: width.units for width in self._widths}
        doomed = 0.0
        scored = Scored(self._widths, rankings, starts, estimates_loss=False)
        for place, kept in enumerate(ByRatio(self._prune).kept(scored, step=self._prune.steps)):
            channels = rankings[place].first(self._widths[place].units - kept)
            steps = torch.zeros_like(norms[place])
            steps[channels] = self._rate * share
            doomed += float(norms[place][channels].sum())
            for part in self._parts[place]:
                part.shrink(parameters[part.name], steps, power=self._power)
        return doomed, sum(float(mine.sum()) for mine in norms)

    def _sums(self, width: Width, parts: list[_Part], parameters: dict[str, nn.Parameter]) -> Tensor:
        """Σ |w|ᵖ of each channel, of shape (channels,)."""
        sums = torch.zeros(width.channels, device=next(iter(parameters.values())).device)
        for part in parts:
            weight = parameters[part.name]
            sums = part.added(weight.abs() if self._power == 1 else weight.square(), sums)
        return sums


class _Part:
    """Slices of a weight, by its name: the trainer's weights are copies."""

    def __init__(self, name: str, found: Slices) -> None:
        self.name, self.added = name, found.added
        self.dimension, self.indices, self.channels = found.dimension, found.indices, found.channels

    def shrink(self, weight: Tensor, steps: Tensor, *, power: int) -> None:
        """Make the slices smaller, in place: by exp(−step) for the L2 norm, by step · mean |w| for the L1 norm.

        Args:
            steps: Of each channel, shape (channels,).
        """
        rows = weight.movedim(self.dimension, 0)
        indices = self.indices.to(weight.device)
        slices = rows[indices]
        step = steps[self.channels.to(steps.device)].view(-1, *[1] * (rows.dim() - 1))
        if power == 1:
            rows[indices] = slices.sign() * (slices.abs() - step * weight.abs().mean()).clamp_min(0)
        else:
            rows[indices] = slices * torch.exp(-step)


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
        self._doomed = 0.0
        super().__init__(model, config, sets, teacher=None, directory=directory, seed=seed, context=context)

    def _key(self) -> str:
        return sha256_json([super()._key(), settings(self._prune)])

    def _stepped(self, step: int) -> None:
        rates = [self._learning_rate(other) for other in range(self.steps)]
        self._doomed, _ = self._norm.shrink(self.raw, self._learning_rate(step) / sum(rates))

    def _report_more(self, epoch: float, rate: float) -> None:
        self.context.metric("group_norm", step=self.position.step, value=self._doomed, epoch=epoch)


_ALONE = {"distillation": 0.0, "feature_distillation": 0.0, "patience": None, "ema_decay": None}
UNREAD = ("epochs", "temperature", *_ALONE)
"""Settings of fine-tuning that the phase does not look at."""


def settings(prune: PruneConfig) -> dict[str, Any]:
    """What of the settings of pruning the phase depends on."""
    read = {"sparse_epochs", "sparse_strength", "ratio", "mlp", "attention", "embedding", "distribution"}
    read |= {"round_to", "multiple"}
    if prune.distribution == "global":
        read.add("max_ratio")
    if prune.attention:
        read.add("attention_unit")
    return {"norm": _power(prune), **prune.model_dump(mode="json", include=read)}


def _power(prune: PruneConfig) -> int:
    """Which norm is the penalty."""
    return 1 if prune.importance == "l1" else 2
