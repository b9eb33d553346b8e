"""Training a pruned model back to accuracy, so that it can be killed at any moment and goes on as if it had not been.

Order of the images, augmentation, mixing and dropout derive from the seed and the place (epoch, index or step), so a
state holds no generators; on one CPU process a resumed training ends at the same weights, bit for bit.

Accelerate places the work. Several processes share each step's images; their gradients' mean is that of the whole
batch, so they learn what one process would.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data.batches import Batch, Images, Key, normalized
from pqv_core.engine.measure import evaluate
from pqv_core.engine.train import augment, devices
from pqv_core.engine.train.objective import Objective, Student
from pqv_core.engine.train.optimizer import adamw, set_learning_rate
from pqv_core.engine.train.schedule import learning_rate
from pqv_core.engine.train.seeding import derived, reproducible, seed_all
from pqv_core.engine.train.training_state import Best, Position, Store, are_finite
from pqv_core.errors import Cancelled, DataError, ModelError, StorageError, TrainingError
from pqv_core.files.fsio import sha256_json

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
    teacher: nn.Module | None = None,
) -> nn.Module:
    """Train a copy of ``model`` and return it, in eval mode and on the CPU.

    Sends ``train_loss`` and ``learning_rate`` while training, ``val_loss`` and ``val_top1`` after each epoch.

    Args:
        model: Left as it is.
        train: Images to learn from, as they are; augmentation follows ``config``.
        val: Images that choose the best epoch; without them the last one is taken.
        directory: Holds the state from which a killed or cancelled training goes on. Several processes must
            all see it.
        seed: All randomness derives from it.
        teacher: The unpruned model, for distillation; left as it is.

    Raises:
        TrainingError: The loss became NaN or infinite, or the device is not there.
        DataError: Too many images cannot be read, or their classes are not the model's.
        StorageError: The state cannot be written.
        Cancelled: The end was asked for; the state is kept.
    """
    images = prepared(train, val, config, seed)
    pupil = copy.deepcopy(model)
    trainer = Trainer(pupil, config, images, teacher=teacher, directory=directory, seed=seed, context=context)
    with reproducible(trainer.device):
        return trainer.run()


@dataclass(frozen=True)
class Sets:
    """The images of a training, as it takes them."""

    train: Images
    val: Images | None


class Trainer:
    """One training; what another kind of it adds stands in the methods that say so."""

    loss_curve = "train_loss"
    first_step = 0
    """Steps of earlier trainings that the same curves tell of."""

    def __init__(
        self,
        model: nn.Module,
        config: FinetuneConfig,
        sets: Sets,
        *,
        teacher: nn.Module | None,
        directory: Path,
        seed: int,
        context: Context,
    ) -> None:
        self.config, self.seed, self.context = config, seed, context
        self._inside_step = False
        self.train, self.val = sets.train, sets.val
        self.accelerator = devices.accelerator(config)
        self.batch_size = self._whole_batch()
        self.epoch_steps = len(self.train) // self.batch_size
        self.steps = self.epoch_steps * config.epochs
        self.window = max(1, self.steps // CURVE_POINTS)
        self.raw = _contiguous(model).to(self.device)
        self.mixer = augment.mixer(config, classes=_outputs(self.raw, self.train))
        self.ema = ModelEmaV3(self.raw, decay=config.ema_decay, use_warmup=True) if config.ema_decay else None
        self.objective = Objective(config, self._teacher(teacher), self.accelerator.autocast)
        self._set_up(directory)

    def _set_up(self, directory: Path) -> None:
        optimizer = adamw(self.raw, self.config, self.device)
        self.store = Store(directory, self.raw, optimizer, self.ema)
        self.position = self._resumed() or Position(key=self._key())
        pupil = Student(self.raw) if self.config.feature_distillation else self.raw
        self.model, self.optimizer = self.accelerator.prepare(pupil, optimizer)
        if self.accelerator.scaler is not None and self.position.scaler:
            self.accelerator.scaler.load_state_dict(self.position.scaler)

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    @property
    def judged(self) -> nn.Module:
        """The model that validation sees and that is kept."""
        return self.ema.module if self.ema is not None else self.raw

    def _whole_batch(self) -> int:
        """Images a step: as asked for, at most all; in whole pairs a process where the batch is shared or mixed."""
        processes = self.accelerator.num_processes
        pairs = processes > 1 or self.config.mixup > 0 or self.config.cutmix > 0
        multiple = 2 * processes if pairs else 1
        size = min(self.config.batch_size, len(self.train)) // multiple * multiple
        if size == 0:
            raise DataError(
                f"A step needs at least {multiple} images, but there are {len(self.train)} and the batch "
                f"is {self.config.batch_size}.",
                action="Use more images or a larger batch, or leave out mixup and CutMix.",
            )
        return size

    def _teacher(self, teacher: nn.Module | None) -> nn.Module | None:
        if teacher is None or not self.config.needs_teacher:
            return None
        return copy.deepcopy(teacher).to(self.device).eval().requires_grad_(False)

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

    def _resumed(self) -> Position | None:
        try:
            found = self.store.load(self._key())
        except StorageError as error:
            self.context.warn(f"{error.message} Fine-tuning restarts from the beginning.")
            return None
        if found is not None:
            self.context.log(f"Fine-tuning resumes after step {found.step} of {self.steps}.")
        return found

    def run(self) -> nn.Module:
        try:
            self._train()
        except Cancelled:
            if self.store.is_quick and not self._inside_step:
                self._save()
            raise
        self.train.report_unreadable()
        self.accelerator.wait_for_everyone()
        if self.position.best is not None:
            self.store.load_best(self.position.best.epoch, self.judged)
        return self.judged.cpu().eval()

    def _train(self) -> None:
        resumed = self.position.step
        if self._epoch_is_open():  # ended by a cancel between its last step and its validation
            self._end_epoch()
        if self._is_enough():
            return
        for batch in self.train.batches(self._plan(), substitute=True):
            self._step(batch)
            if self._epoch_is_open():
                self._end_epoch()
            elif self.store.is_due:
                self._save()
            self.context.progress(self.position.step, self.steps, unit="steps", start=resumed)
            if self._is_enough():
                return

    def _plan(self) -> Iterator[list[Key]]:
        """This process's images of each step from here on.

        Every epoch takes all of them in another order, without the odd rest.
        """
        for epoch in range(self.position.step // self.epoch_steps, self.config.epochs):
            generator = torch.Generator().manual_seed(derived(self.seed, "order", epoch))
            order = torch.randperm(len(self.train), generator=generator).tolist()
            for step in range(self.epoch_steps):
                if epoch * self.epoch_steps + step >= self.position.step:
                    chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
                    yield [(epoch, index) for index in self._share(chosen)]

    def _share(self, chosen: list[int]) -> list[int]:
        """This process's part of a step: pairs from both ends, so that mixing pairs up the same images as alone."""
        processes = self.accelerator.num_processes
        if processes == 1:
            return chosen
        part = len(chosen) // (2 * processes)
        start = self.accelerator.process_index * part
        end = len(chosen) - start
        return chosen[start : start + part] + chosen[end - part : end]

    def _step(self, batch: Batch) -> None:
        step = self.position.step
        self._inside_step = True
        seed_all(self.seed, "step", step)
        rate = self._learning_rate(step)
        set_learning_rate(self.optimizer, rate)
        images, targets = self._inputs(batch)
        torch.manual_seed(derived(self.seed, "dropout", step, self.accelerator.process_index))
        loss = self._backward(images, targets)
        self._check_finite(loss)
        if self.config.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self.raw.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._stepped(step)
        self.position.step += 1
        if self.ema is not None:
            self.ema.update(self.raw, step=self.position.step)
        self._inside_step = False
        self._report(loss, rate)

    def _learning_rate(self, step: int) -> float:
        warmup = min(round(self.config.warmup_epochs * self.epoch_steps), self.steps - 1)
        return learning_rate(step, steps=self.steps, warmup=warmup, peak=self.config.learning_rate)

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        images = normalized(batch.images, self.train.preprocessing, self.device)
        labels = batch.labels.to(self.device)
        return self.mixer(images, labels) if self.mixer is not None else (images, labels)

    def _backward(self, images: Tensor, targets: Tensor) -> float:
        """Gradients of the mean loss, made in parts where that is asked for; the loss over all processes."""
        self.model.train()
        total = torch.zeros((), device=self.device)
        parts = min(self.config.accumulation, len(images))
        chunks = list(zip(images.chunk(parts), targets.chunk(parts), strict=True))
        for index, (pictures, wanted) in enumerate(chunks):
            self.context.check_cancelled()
            last = index == len(chunks) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                answer = self.model(pictures)
                loss = self.objective(answer, pictures, wanted) * (len(pictures) / len(images))
                self.accelerator.backward(loss)
            total += loss.detach()
        return float(self.accelerator.reduce(total, reduction="mean"))

    def _check_finite(self, loss: float) -> None:
        if math.isfinite(loss):
            return
        what = "NaN" if math.isnan(loss) else "infinite"
        step, epoch = self.position.step % self.epoch_steps + 1, self.position.step // self.epoch_steps + 1
        raise self._diverged(f"The loss became {what} at step {step} of epoch {epoch}.")

    def _diverged(self, sentence: str) -> TrainingError:
        return TrainingError(
            sentence, action=f"Lower the learning rate (it is {self.config.learning_rate:g}) and run again."
        )

    def _report(self, loss: float, rate: float) -> None:
        position = self.position
        position.loss_sum += loss
        position.loss_steps += 1
        if position.loss_steps >= self.window or position.step == self.steps:
            step = self.first_step + position.step
            epoch = step / self.epoch_steps
            mean = position.loss_sum / position.loss_steps
            self.context.metric(self.loss_curve, step=step, value=mean, epoch=epoch)
            self._report_more(epoch, rate)
            position.loss_sum, position.loss_steps = 0.0, 0

    def _stepped(self, step: int) -> None:
        """What is done to the weights after the optimizer's step; nothing here."""

    def _report_more(self, epoch: float, rate: float) -> None:
        """What is told along with the loss."""
        self.context.metric("learning_rate", step=self.position.step, value=rate, epoch=epoch)

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
        self._save()

    def _validate(self, val: Images, epoch: int) -> None:
        found = self._counted(val, epoch).result()
        self.context.metric("val_loss", step=self.position.step, value=found.loss, epoch=epoch)
        self.context.metric("val_top1", step=self.position.step, value=found.top1, epoch=epoch)
        best = Best(epoch, found.top1, found.loss)
        if self.position.best is None or self.position.best.is_beaten_by(best):
            if self.accelerator.is_main_process:
                self.store.save_best(epoch, self.judged)
            self.position.best = best

    def _counted(self, val: Images, epoch: int) -> evaluate.Tally:
        part = (self.accelerator.process_index, self.accelerator.num_processes)
        try:
            tally = evaluate.count(
                self.judged,
                val,
                batch_size=max(1, self.batch_size // part[1]),
                tick=lambda done: self.context.check_cancelled(),
                part=part,
            )
        except ModelError as error:
            raise self._diverged(f"The model's outputs became NaN or infinite in epoch {epoch}.") from error
        if part[1] > 1:
            sums = torch.tensor([tally.top1, tally.top5, tally.loss, tally.images], dtype=torch.float64)
            top1, top5, loss, images = self.accelerator.reduce(sums.to(self.device), reduction="sum").tolist()
            return evaluate.Tally(round(top1), round(top5), loss, round(images))
        return tally

    def _is_enough(self) -> bool:
        """Whether validation has not become better for as long as it may."""
        best, patience = self.position.best, self.config.patience
        if best is None or patience is None or self.position.epochs - best.epoch < patience:
            return False
        if self.position.epochs == self.config.epochs:
            return False
        self.context.log(f"Fine-tuning ends after epoch {self.position.epochs}: epoch {best.epoch} is still the best.")
        return True

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            if self.accelerator.scaler is not None:
                self.position.scaler = self.accelerator.scaler.state_dict()
            self.store.save(self.position)


def prepared(train: Images, val: Images | None, config: FinetuneConfig, seed: int) -> Sets:
    """Images augmented as ``config`` says, and kept in memory where all of them fit."""
    chosen = train.augmented(augment.Augmentation.of(config), seed=seed) if config.augment else train.plain()
    for images in (chosen, val):
        if images is not None:
            images.remember()
    return Sets(chosen, val)


def _contiguous(model: nn.Module) -> nn.Module:
    """Weights laid out as they will be when they come back from a file, so that sums run in the same order."""
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()
        parameter.requires_grad_(True)
    return model


def _outputs(model: nn.Module, images: Images) -> int:
    """How many classes the model tells apart, found by asking it.

    Raises:
        DataError: The images have more.
    """
    device = next(model.parameters()).device
    with torch.no_grad():
        logits = model.eval()(torch.zeros(1, *images.preprocessing.input_size, device=device))
    evaluate.check_classes(logits, torch.tensor(images.labels))
    return int(logits.shape[1])
