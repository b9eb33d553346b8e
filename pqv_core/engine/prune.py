"""Structured pruning: find what depends on each other, score it, and cut the least important part of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
import torch_pruning as tp
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.config.prune import IMPORTANCES
from pqv_core.engine import models, structure
from pqv_core.engine.context import Context
from pqv_core.engine.importance import CRITERIA
from pqv_core.engine.importance.base import Batches, Importance
from pqv_core.engine.structure import Width
from pqv_core.errors import PruneError

_NOISE_BATCH = 8
_CUT = {
    (nn.Linear, "in"): tp.prune_linear_in_channels,
    (nn.Linear, "out"): tp.prune_linear_out_channels,
    (nn.Conv2d, "in"): tp.prune_conv_in_channels,
    (nn.Conv2d, "out"): tp.prune_conv_out_channels,
}


def prune(model: nn.Module, config: PruneConfig, *, batches: Batches | None, context: Context) -> nn.Module:
    """A pruned copy of ``model``, in eval mode.

    Args:
        model: On the CPU.
        batches: Calibration images (N, C, H, W) and classes (N,) for criteria that need them. Without, noise with
            the model's own answers as classes stands in, and the person is told.

    Raises:
        PruneError: The model cannot be cut as asked.
        Cancelled: The end was asked for; ``model`` is unchanged.
    """
    pruned = copy.deepcopy(model).eval()
    shape = (1, *models.preprocessing(pruned).input_size)
    widths = structure.widths(pruned, config)
    _tell_unchanged(widths, config, context)
    graph = tp.DependencyGraph().build_dependency(pruned, example_inputs=torch.zeros(shape))
    importance = CRITERIA[config.importance]()
    if IMPORTANCES[config.importance].needs_images:
        if batches is None:
            context.warn(
                "There are no images: the importance was measured on noise, and ranks no better than by chance."
            )
            batches = _noise(pruned, shape, config.images)
        importance.prepare(pruned, batches, total=config.images, context=context)
    chosen = []
    for done, width in enumerate(widths, 1):  # all are scored before the first is cut, so the order is no matter
        chosen.append((width, _choose(graph, width, importance)))
        context.progress(done, len(widths), unit="layers")
    for width, cut in chosen:
        context.check_cancelled()
        _group(graph, width, cut).prune()
        width.after(cut)
    pruned.zero_grad(set_to_none=True)
    _check(pruned, shape)
    return pruned


def _tell_unchanged(widths: list[Width], config: PruneConfig, context: Context) -> None:
    wanted = {"mlp": config.mlp, "attention": config.attention, "embedding": config.embedding}
    cut = {width.kind for width in widths}
    for kind, allowed in wanted.items():
        if allowed and kind not in cut:
            context.warn(
                f"The {kind} is not cut: at a ratio of {config.ratio:g}, rounding to {config.round_to} leaves it whole."
            )


def _noise(model: nn.Module, shape: tuple[int, ...], images: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, images, _NOISE_BATCH):
        noise = torch.randn(min(_NOISE_BATCH, images - start), *shape[1:])
        with torch.no_grad():
            labels = model(noise).argmax(1)
        yield noise, labels


def _group(graph: Any, width: Width, indices: list[int]) -> Any:
    """Everything that must be cut with ``indices`` of ``width``, apart from what the width cuts itself."""
    kind = nn.Conv2d if isinstance(width.root, nn.Conv2d) else nn.Linear
    group = graph.get_pruning_group(width.root, _CUT[kind, width.side], idxs=indices)
    if width.separate:
        group._group = [item for item in group._group if item.dep.layer not in width.separate]
    return group


def _choose(graph: Any, width: Width, importance: Importance) -> list[int]:
    scores = importance.scores(_group(graph, width, list(range(width.channels))))
    if scores.shape != (width.channels,) or not torch.isfinite(scores).all():
        raise PruneError(
            f"The importance of {width.name} could not be measured.",
            action="Choose another importance criterion.",
            details=f"{tuple(scores.shape)} scores for {width.channels} channels",
        )
    return width.choose(scores)


def _check(model: nn.Module, shape: tuple[int, ...]) -> None:
    """A model that no longer computes must not leave this room."""
    try:
        with torch.inference_mode():
            model(torch.zeros(shape))
    except RuntimeError as error:
        raise PruneError(
            "The pruned model does not fit together.", action="Cut fewer kinds of layers.", details=str(error)
        ) from error
