"""Structured pruning: find what depends on each other, score it, and cut the least important part of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.importance.base import Batches, Importance
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.allocation import Allocation, ByRatio, Scored, rounding
from pqv_core.engine.prune.dependencies import Dependencies
from pqv_core.engine.structure import Ranking, Width, blocks
from pqv_core.errors import PruneError
from pqv_core.models.kept_widths import kept_width

_NOISE_BATCH = 8
_CUTTING = 0.1
"""Share of a step that cutting takes, about, where the model is trained after it."""


def prune(
    model: nn.Module,
    config: PruneConfig,
    *,
    batches: Batches | None,
    context: Context,
    allocation: Allocation | None = None,
    between: Between | None = None,
) -> nn.Module:
    """A pruned copy of ``model``, in eval mode.

    Args:
        model: On the CPU.
        allocation: How many units stay of each width; as the ratio says where none is given.
        batches: Calibration images (N, C, H, W) and classes (N,) for criteria that need them, gone through once a
            step. Without, noise with the model's own answers as classes stands in, and the person is told.
        between: Trains the model after each step but the last.

    Raises:
        PruneError: The model cannot be cut as asked.
        PqvError: What trains between the steps failed.
        Cancelled: The end was asked for; ``model`` is unchanged.
    """
    pruned = copy.deepcopy(model).eval()
    shape = (1, *models.preprocessing(pruned).input_size)
    original = {width.name: width.units for width in structure.widths(pruned, config)}
    if allocation is None:
        allocation = ByRatio(config)
        _tell_what_stays(pruned, config, context)
    if CRITERIA[config.importance].needs_images and batches is None:
        context.warn("No images: importance was measured on noise and ranks no better than chance.")
        batches = _Noise(pruned, shape, config.images)
    start = _Start(original, shape, batches)
    resumed = between.resumed() if between is not None else None
    done, pruned = resumed or (0, pruned)
    for step in range(max(done, 1), config.steps + 1):
        trains = between is not None and step < config.steps
        begun, over = (step - 1) / config.steps, step / config.steps
        cut = begun + _CUTTING * (over - begun) if trains else over
        if step > done:
            with context.part("", begun, cut):
                _step(pruned, config, start, allocation, step=step, context=context)
        if between is not None and trains:
            with context.part("between", cut, over):
                pruned = between.train(pruned, step)
    _check(pruned, shape)
    return pruned


class Between(Protocol):
    """Trains what is left after a step."""

    def resumed(self) -> tuple[int, nn.Module] | None:
        """The newest step that was done before the run was ended, and the model as it has left it, in eval mode."""
        ...

    def train(self, model: nn.Module, step: int) -> nn.Module:
        """The model after a step, counted from 1, trained: in eval mode on the CPU."""
        ...


@dataclass(frozen=True)
class _Start:
    """What all steps have in common: units of each width before the first, shape of the images, images."""

    units: Mapping[str, int]
    shape: tuple[int, ...]
    batches: Batches | None


def _step(
    model: nn.Module, config: PruneConfig, start: _Start, allocation: Allocation, *, step: int, context: Context
) -> None:
    """Cut as far as it goes in one of ``config.steps`` steps."""
    widths = structure.widths(model, config)
    dependencies = Dependencies(model, widths, shape=start.shape, context=context)
    criterion = CRITERIA.load(config.importance)
    rankings = []
    with CRITERIA.blaming(config.importance):
        importance = criterion()
        importance.prepare(model, start.batches or (), total=config.images, context=context)
        for done, width in enumerate(widths, 1):  # all are scored before the first is cut, so the order is no matter
            rankings.append(_rank(dependencies, width, importance))
            context.progress(done, len(widths), unit="layers")
    scored = Scored(widths, rankings, start.units, estimates_loss=importance.estimates_loss)
    left = allocation.kept(scored, step=step)
    whole_blocks = _emptied(model, widths, left)
    for width, ranking, kept in zip(widths, rankings, left, strict=True):
        context.check_cancelled()
        if kept:
            _cut(dependencies, width, ranking.first(width.units - kept))
    blocks.leave_out(model, whole_blocks)
    model.zero_grad(set_to_none=True)


def _cut(dependencies: Dependencies, width: Width, channels: list[int]) -> None:
    if channels:
        dependencies.group(width, channels).prune(record_history=False)
        width.after(channels)


def _emptied(model: nn.Module, widths: Sequence[Width], left: Sequence[int]) -> set[str]:
    """Names of the blocks in which nothing is left; what lies in one goes together."""
    names = {module: name for name, module in model.named_modules()}
    return {names[width.scope].rpartition(".")[0] for width, units in zip(widths, left, strict=True) if units == 0}


def cut_evenly(
    model: nn.Module, config: PruneConfig, units: Mapping[str, int], shape: tuple[int, ...], context: Context
) -> nn.Module:
    """A copy that keeps some units of each width, whichever they are: for what depends on sizes alone.

    Args:
        config: Which widths there are.
        units: By the name of a width, how many stay; none of all in a block, and the block is left out.
        shape: Of one batch of images.

    Raises:
        PruneError: The model cannot be cut so.
    """
    made = copy.deepcopy(model).eval()
    widths = structure.widths(made, config)
    dependencies = Dependencies(made, widths, shape=shape, context=context)
    left = [units[width.name] for width in widths]
    whole_blocks = _emptied(made, widths, left)
    for width, kept in zip(widths, left, strict=True):
        context.check_cancelled()
        if kept:
            ranking = width.rank(torch.zeros(width.channels), adds_up=False)
            _cut(dependencies, width, ranking.first(width.units - kept))
    blocks.leave_out(made, whole_blocks)
    _check(made, shape)
    return made


def narrowed(model: nn.Module, embedding: int, context: Context) -> nn.Module:
    """A copy with so many channels of the embedding, whichever they are, and nothing else cut.

    Raises:
        PruneError: The embedding cannot be cut.
    """
    alone = PruneConfig(mlp=False, attention=False, embedding=True)
    (width,) = structure.widths(model, alone)
    shape = (1, *models.preprocessing(model).input_size)
    return cut_evenly(model, alone, {width.name: embedding}, shape, context)


def _tell_what_stays(model: nn.Module, config: PruneConfig, context: Context) -> None:
    """Say which kinds stay whole although they were named: because of the family, or of rounding."""
    wanted = {"mlp": config.mlp, "attention": config.attention, "embedding": config.embedding}
    widths = structure.widths(model, config)
    _tell_how_attention_is_cut(widths, config, context)
    for kind, why_not in structure.supported(model).items():
        mine = [width for width in widths if width.kind == kind]
        if wanted[kind] and why_not:
            context.warn(f"The {kind} is not cut: {why_not}.")
        elif wanted[kind] and not any(_becomes_smaller(width, config) for width in mine):
            to = max(rounding(width, config) for width in mine)
            context.warn(f"The {kind} is not cut: at a ratio of {config.ratio:g}, rounding to {to} leaves it whole.")


def _tell_how_attention_is_cut(widths: list[Width], config: PruneConfig, context: Context) -> None:
    """Say where attention is cut in another way than was asked for."""
    whole = config.attention_unit == "heads"
    other = sum((width.unit == "heads") != whole for width in widths if width.kind == "attention")
    if other:
        how = (
            "is narrowed, for its heads are counted elsewhere"
            if whole
            else "loses whole heads, for they cannot be narrowed"
        )
        context.log(f"The attention of {other} layers {how}.")


def _becomes_smaller(width: Width, config: PruneConfig) -> bool:
    return kept_width(width.units, ratio=config.ratio, round_to=rounding(width, config)) < width.units


class _Noise:
    """Images of noise with the model's own answers as classes."""

    def __init__(self, model: nn.Module, shape: tuple[int, ...], images: int) -> None:
        self._model, self._shape, self._images = model, shape, images

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, self._images, _NOISE_BATCH):
            noise = torch.randn(min(_NOISE_BATCH, self._images - start), *self._shape[1:])
            with torch.no_grad():
                labels = self._model(noise).argmax(1)
            yield noise, labels


def _rank(dependencies: Dependencies, width: Width, importance: Importance) -> Ranking:
    scores = importance.scores(dependencies.group(width, list(range(width.channels))))
    if scores.shape != (width.channels,) or not torch.isfinite(scores).all():
        raise PruneError(
            f"The importance of {width.name} could not be measured.",
            action="Choose another importance criterion.",
            details=f"{tuple(scores.shape)} scores for {width.channels} channels",
        )
    return width.rank(scores, adds_up=importance.estimates_loss)


def _check(model: nn.Module, shape: tuple[int, ...]) -> None:
    """A model that no longer computes must not leave this room."""
    try:
        with torch.inference_mode():
            model(torch.zeros(shape))
    except RuntimeError as error:
        raise PruneError(
            "The pruned model's layers do not fit together.", action="Cut fewer kinds of layers.", details=str(error)
        ) from error
