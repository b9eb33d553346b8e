"""Where a training is, on disk: after a kill at any moment it goes on to the same weights, bit for bit.

``state.safetensors`` holds parameters, buffers, AdamW's moments and the running average, and in its head the step; it
is replaced in one step. ``best-<epoch>.safetensors`` holds the best weights so far and is written before the state that
names it. Nothing about randomness is saved: all of it derives from the seed and the step.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn

from pqv_core.engine.models import tensorfile
from pqv_core.files.fsio import remove

STATE_FILE = "state.safetensors"
INTERVAL_SECONDS = 10.0
COST_SHARE = 0.05
"""Saving inside an epoch may take up to this share of the time."""


@dataclass
class Best:
    """The best epoch so far, counted from 1, by validation."""

    epoch: int
    top1: float
    loss: float

    def is_beaten_by(self, other: Best) -> bool:
        """More right answers, or as many at a smaller loss."""
        return (other.top1, -other.loss) > (self.top1, -self.loss)


@dataclass
class Position:
    """How far a training is.

    Attributes:
        key: Hash of everything the training depends on.
        step: Optimiser steps done.
        epochs: Epochs ended, their validation included.
        loss_sum: Sum of the losses not yet reported, over ``loss_steps`` steps.
        scaler: State of the gradient scaler (fp16 only).
    """

    key: str
    step: int = 0
    epochs: int = 0
    best: Best | None = None
    loss_sum: float = 0.0
    loss_steps: int = 0
    scaler: dict[str, Any] = field(default_factory=dict)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, shared ones once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into the parameters and buffers of the same names."""
    with torch.no_grad():
        for name, target in weights(model).items():
            target.copy_(tensors[name])


class Store:
    """The files of one training, in a folder of its own."""

    def __init__(
        self, directory: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: ModelEmaV3 | None
    ) -> None:
        self._directory = directory
        self._model = model
        self._optimizer = optimizer
        self._average = average
        self._saved = time.monotonic()
        self._cost = 0.0

    @property
    def is_due(self) -> bool:
        """Time to save inside an epoch: some seconds have passed, many times what the last saving took."""
        since = time.monotonic() - self._saved
        return since > max(INTERVAL_SECONDS, self._cost / COST_SHARE)

    @property
    def is_quick(self) -> bool:
        """Whether saving takes a moment only, so that a cancelled job still has time for it."""
        size = sum(tensor.nbytes for tensor in self._tensors().values())
        return size < 32 * 1024 * 1024 and self._cost < 0.2

    def save(self, position: Position) -> None:
        """Write the state, whole or not at all.

        Raises:
            StorageError: The folder is missing, full, or may not be written.
        """
        began = time.monotonic()
        tensorfile.write(self._directory / STATE_FILE, self._tensors(), asdict(position))
        self._saved = time.monotonic()
        self._cost = self._saved - began
        for path in self._directory.glob("best-*.safetensors"):
            if position.best is None or path != self._best_path(position.best.epoch):
                remove(path)

    def load(self, key: str) -> Position | None:
        """Bring model and optimiser to the saved state; None where there is none of this training.

        Raises:
            StorageError: There is one, but it is damaged.
        """
        path = self._directory / STATE_FILE
        if not path.exists():
            return None
        tensors, facts = tensorfile.read(path)
        if facts.get("key") != key:
            return None
        load_weights(self._model, _below("model", tensors))
        if self._average is not None:
            load_weights(self._average.module, _below("average", tensors))
        self._load_optimizer(tensors)
        best = facts.pop("best")
        return Position(best=Best(**best) if best else None, **facts)

    def save_best(self, epoch: int, model: nn.Module) -> None:
        """Write the weights of the best epoch; they count once a state names it."""
        tensorfile.write(self._best_path(epoch), weights(model), {"epoch": epoch})

    def load_best(self, epoch: int, model: nn.Module) -> None:
        """Bring ``model`` to the weights of the best epoch.

        Raises:
            StorageError: The file is missing or damaged.
        """
        tensors, _ = tensorfile.read(self._best_path(epoch))
        load_weights(model, tensors)

    def _best_path(self, epoch: int) -> Path:
        return self._directory / f"best-{epoch}.safetensors"

    def _tensors(self) -> dict[str, Tensor]:
        found = {f"model/{name}": tensor for name, tensor in weights(self._model).items()}
        if self._average is not None:
            found |= {f"average/{name}": tensor for name, tensor in weights(self._average.module).items()}
        for name, parameter in self._model.named_parameters():
            for moment, tensor in self._optimizer.state.get(parameter, {}).items():
                found[f"optimizer/{name}/{moment}"] = tensor
        return found

    def _load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        parameters = dict(self._model.named_parameters())
        for name, tensor in _below("optimizer", tensors).items():
            owner, moment = name.rsplit("/", 1)
            parameter = parameters[owner]
            on_host = moment == "step" and not self._optimizer.defaults["fused"]
            device = torch.device("cpu") if on_host else parameter.device
            self._optimizer.state[parameter][moment] = tensor.to(device, copy=True)  # off the mapped file


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.split("/", 1)[1]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")}


def are_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no floating-point value is NaN or infinite."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors if tensor.is_floating_point())
