"""Training a pruned model back to accuracy, so that it can be killed at any moment and goes on as if it had not been.

Order of the images, augmentation and dropout derive from the seed and the place (epoch, index or step), so a state
holds no generators; on one CPU process a resumed training ends at the same weights, bit for bit.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from accelerate import Accelerator  # type: ignore[import-untyped]
from timm.optim._param_groups import param_groups_weight_decay
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig
from pqv_core.engine import evaluate
from pqv_core.engine.context import Context
from pqv_core.engine.data import Images, Key, normalized
from pqv_core.engine.schedule import learning_rate
from pqv_core.engine.seeding import derived, reproducible, seed_all
from pqv_core.engine.training_state import Best, Position, Store, are_finite
from pqv_core.errors import Cancelled, ModelError, StorageError, TrainingError
from pqv_core.fsio import sha256_json

CURVE_POINTS = 2000
"""Training metrics are means over as many steps as keeps a curve to about this many points."""


def finetune(
    model: nn.Module,
    config: FinetuneConfig,
    *,
    train: Images,
    val: Images | None,
    directory: Path,
    seed: int,
    context: Context,
) -> nn.Module:
    """Train a copy of ``model`` and return it, in eval mode and on the CPU.

    Sends ``train_loss`` and ``learning_rate`` while training, ``val_loss`` and ``val_top1`` after each epoch.

    Args:
        model: Left as it is.
        train: Images to learn from, as they are; augmentation follows ``config``.
        val: Images that choose the best epoch; without them the last one is taken.
        directory: Holds the state from which a killed or cancelled training goes on.
        seed: All randomness derives from it.

    Raises:
        TrainingError: The loss became NaN or infinite.
        DataError: Too many images cannot be read, or their classes are not the model's.
        StorageError: The state cannot be written.
        Cancelled: The end was asked for; the state is kept.
    """
    trainer = _Trainer(copy.deepcopy(model), config, (train, val), directory=directory, seed=seed, context=context)
    with reproducible(trainer.device):
        return trainer.run()


class _Trainer:
    def __init__(
        self,
        model: nn.Module,
        config: FinetuneConfig,
        sets: tuple[Images, Images | None],
        *,
        directory: Path,
        seed: int,
        context: Context,
    ) -> None:
        self.config, self.seed, self.context = config, seed, context
        self.train, self.val = _prepared(sets, config, seed)
        self.batch_size = min(config.batch_size, len(self.train))
        self.epoch_steps = len(self.train) // self.batch_size
        self.steps = self.epoch_steps * config.epochs
        self.window = max(1, self.steps // CURVE_POINTS)
        self.accelerator = Accelerator()
        self.raw = _contiguous(model).to(self.device)
        optimizer = _optimizer(self.raw, config, self.device)
        self.store = Store(directory, self.raw, optimizer)
        self.model, self.optimizer = self.accelerator.prepare(self.raw, optimizer)
        self.position = Position(key=self._key())

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    def _key(self) -> str:
        """Everything that the weights at a step depend on."""
        return sha256_json(
            {
                "config": self.config.model_dump(mode="json"),
                "seed": self.seed,
                "train": self.train.identity(),
                "val": self.val.identity() if self.val else None,
                "shapes": {name: list(tensor.shape) for name, tensor in self.raw.state_dict().items()},
            }
        )

    def run(self) -> nn.Module:
        self._resume()
        try:
            self._train()
        except Cancelled:
            if self.store.is_quick:
                self.store.save(self.position)
            raise
        self.train.report_unreadable()
        if self.position.best is not None:
            self.store.load_best(self.position.best.epoch, self.raw)
        return self.raw.cpu().eval()

    def _resume(self) -> None:
        try:
            found = self.store.load(self.position.key)
        except StorageError as error:
            self.context.warn(f"{error.message} Fine-tuning starts again from its beginning.")
            return
        if found is not None:
            self.position = found
            self.context.log(f"Fine-tuning goes on after step {found.step} of {self.steps}.")

    def _train(self) -> None:
        resumed = self.position.step
        if self._epoch_is_open():  # ended by a cancel between its last step and its validation
            self._end_epoch()
        for batch in self.train.batches(self._plan(), substitute=True):
            self._step(normalized(batch.images, self.train.preprocessing, self.device), batch.labels.to(self.device))
            if self._epoch_is_open():
                self._end_epoch()
            elif self.store.is_due:
                self.store.save(self.position)
            self.context.progress(self.position.step, self.steps, unit="steps", start=resumed)

    def _plan(self) -> Iterator[list[Key]]:
        """The images of each step from here on: every epoch all of them in another order, without the odd rest."""
        for epoch in range(self.position.step // self.epoch_steps, self.config.epochs):
            generator = torch.Generator().manual_seed(derived(self.seed, "order", epoch))
            order = torch.randperm(len(self.train), generator=generator).tolist()
            for step in range(self.epoch_steps):
                if epoch * self.epoch_steps + step >= self.position.step:
                    chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
                    yield [(epoch, index) for index in chosen]

    def _step(self, images: Tensor, labels: Tensor) -> None:
        step = self.position.step
        seed_all(self.seed, "step", step)
        rate = self._set_learning_rate(step)
        self.model.train()
        loss = self._loss(images, labels)
        value = float(loss.detach())
        self._check_finite(value)
        self.accelerator.backward(loss)
        if self.config.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.position.step += 1
        self._report(value, rate)

    def _set_learning_rate(self, step: int) -> float:
        warmup = min(round(self.config.warmup_epochs * self.epoch_steps), self.steps - 1)
        rate = learning_rate(step, steps=self.steps, warmup=warmup, peak=self.config.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        logits = self.model(images)
        if self.position.step == 0:
            evaluate.check_classes(logits, labels)
        return F.cross_entropy(logits.float(), labels, label_smoothing=self.config.label_smoothing)

    def _check_finite(self, loss: float) -> None:
        if math.isfinite(loss):
            return
        what = "NaN" if math.isnan(loss) else "infinite"
        raise self._diverged(f"The loss became {what} at step {self._step_of_epoch + 1} of epoch {self._epoch + 1}.")

    def _diverged(self, sentence: str) -> TrainingError:
        return TrainingError(
            sentence, action=f"Lower the learning rate (it is {self.config.learning_rate:g}) and run again."
        )

    @property
    def _epoch(self) -> int:
        return self.position.step // self.epoch_steps

    @property
    def _step_of_epoch(self) -> int:
        return self.position.step % self.epoch_steps

    def _report(self, loss: float, rate: float) -> None:
        position = self.position
        position.loss_sum += loss
        position.loss_steps += 1
        if position.loss_steps >= self.window or position.step == self.steps:
            epoch = position.step / self.epoch_steps
            mean = position.loss_sum / position.loss_steps
            self.context.metric("train_loss", step=position.step, value=mean, epoch=epoch)
            self.context.metric("learning_rate", step=position.step, value=rate, epoch=epoch)
            position.loss_sum, position.loss_steps = 0.0, 0

    def _epoch_is_open(self) -> bool:
        return self.position.step // self.epoch_steps > self.position.epochs

    def _end_epoch(self) -> None:
        """Validate, keep the best, save."""
        epoch = self.position.epochs + 1
        if not are_finite(self.raw.parameters()):
            raise self._diverged(f"The weights became NaN or infinite in epoch {epoch}.")
        if self.val is not None:
            self._validate(self.val, epoch)
        self.position.epochs = epoch
        self.store.save(self.position)

    def _validate(self, val: Images, epoch: int) -> None:
        try:
            found = evaluate.count(
                self.raw, val, batch_size=self.batch_size, tick=lambda done: self.context.check_cancelled()
            ).result()
        except ModelError as error:
            raise self._diverged(f"The model's answers became NaN or infinite in epoch {epoch}.") from error
        self.context.metric("val_loss", step=self.position.step, value=found.loss, epoch=epoch)
        self.context.metric("val_top1", step=self.position.step, value=found.top1, epoch=epoch)
        best = Best(epoch, found.top1, found.loss)
        if self.position.best is None or self.position.best.is_beaten_by(best):
            self.store.save_best(epoch, self.raw)
            self.position.best = best


def _prepared(sets: tuple[Images, Images | None], config: FinetuneConfig, seed: int) -> tuple[Images, Images | None]:
    train, val = sets
    chosen = train.augmented(seed=seed) if config.augment else train.plain()
    for images in (chosen, val):
        if images is not None:
            images.remember()
    return chosen, val


def _contiguous(model: nn.Module) -> nn.Module:
    """Weights laid out as they will be when they come back from a file, so that sums run in the same order."""
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()
        parameter.requires_grad_(True)
    return model


def _optimizer(model: nn.Module, config: FinetuneConfig, device: torch.device) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) without decay for biases, norms, and what the model exempts (embeddings)."""
    listed: Any = getattr(model, "no_weight_decay", tuple)
    groups = param_groups_weight_decay(model, config.weight_decay, no_weight_decay_list=listed())
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=device.type in ("cpu", "cuda"))
