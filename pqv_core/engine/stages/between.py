"""What is trained between the steps of pruning, and where it is on the disk."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pqv_core import formatting
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.stages.stage import WEIGHTS_FILE, Result, RunState
from pqv_core.engine.train import between, distributed
from pqv_core.engine.train.seeding import derived
from pqv_core.errors import DataError, ModelError, StorageError
from pqv_core.files.fsio import remove_folder
from pqv_core.project import plan as planned

_STATE = "state"


def inputs(state: RunState) -> Result:
    """What pruning depends on because of it; nothing where nothing is trained between the steps.

    Raises:
        DataError: There are no training images.
    """
    config = state.config
    if not config.prune.trains_between:
        return {}
    if state.train is None:
        raise DataError(
            "Fine-tuning between the steps of pruning needs training images, but none are set.",
            action="Choose a folder with training images, or set prune.epochs_between to 0.",
        )
    return {
        "between": between.settings(config.finetune),
        "teacher": state.keys["load"] if config.finetune.needs_teacher else None,
        "train": state.fingerprint(state.train),
    }


class Between:
    """Fine-tunes what each step but the last has left.

    Args:
        folder: For each such step it has a folder by its number, with the model as that step has left it and the state
            of its training, until the next step is done. So a run that was ended goes on where it was.
        schedule: How many schedules of merged tokens were tried before; their trainings come first in the curve.
        name: With which its steps are told, where several are tried: ``" (schedule 2, 56 tokens merged)"``.
    """

    def __init__(self, state: RunState, folder: Path, *, schedule: int = 0, name: str = "") -> None:
        self._state, self._folder, self._name = state, folder, name
        self._before = schedule * (state.config.prune.steps - 1)

    def resumed(self) -> tuple[int, nn.Module] | None:
        """The newest step that is done, and the model as it has left it; None where there is none."""
        numbers = [int(file.parent.name) for file in self._folder.glob(f"*/{WEIGHTS_FILE}")]
        step = max(numbers, default=0)
        if step == 0:
            return None
        try:
            model = checkpoint.load(self._place(step) / WEIGHTS_FILE)
        except (StorageError, ModelError) as error:
            self._state.context.warn(f"{error.message} Pruning restarts from the beginning.")
            remove_folder(self._folder)
            return None
        self._state.context.log(f"Pruning resumes after step {step} of {self._state.config.prune.steps}{self._name}.")
        return step, model

    def train(self, model: nn.Module, step: int) -> nn.Module:
        """What the step has left, trained; ``model`` is left as it is.

        Raises:
            PqvError: As ``between.train``.
            Cancelled: The end was asked for; the state is kept.
        """
        place = self._place(step)
        if not (place / WEIGHTS_FILE).exists():
            self._state.save(model, place)
            remove_folder(self._place(step - 1))
            self._tell(model, step)
        trained = distributed.train(self._plan(step), self._state.context)
        # What the next step draws must not depend on how much of the training was done by this process.
        torch.manual_seed(derived(self._state.config.seed, "pruned", step))
        return trained

    def _place(self, step: int) -> Path:
        return self._folder / str(step)

    def _tell(self, model: nn.Module, step: int) -> None:
        """Say what a step has left, and what comes now."""
        prune, (params, macs) = self._state.config.prune, models.count(model)
        left = f"{formatting.count(params)} parameters, {formatting.macs(macs)}"
        trained = formatting.counted(prune.epochs_between, "epoch")
        reached = f"Step {step} of {prune.steps}{self._name}"
        self._state.context.log(f"{reached}: {left} are left; fine-tuning for {trained}.")

    def _plan(self, step: int) -> distributed.TrainingPlan:
        state, config, place = self._state, self._state.config, self._place(step)
        assert state.train is not None
        # Where a budget tries several numbers of merged tokens, nobody knows which of them is the last to be trained.
        others = config.tokens.by_budget or planned.is_needed("finetune", config)
        is_last = step == config.prune.steps - 1 and not others
        return distributed.TrainingPlan(
            model=place / WEIGHTS_FILE,
            teacher=state.directories["load"] / WEIGHTS_FILE if config.finetune.needs_teacher else None,
            train=state.train,
            val=None,
            eval_images=None,
            classes=tuple(state.results["load"]["classes"]),
            preprocessing=state.preprocessing,
            config=between.phase(config.finetune, config.prune),
            seed=derived(config.seed, "between", step),
            directory=place / _STATE,
            between=self._before + step - 1,
            is_last=is_last,
        )
