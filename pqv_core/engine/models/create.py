"""Models of any source, with published, own or random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from pqv_core.config.model import ModelConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models import checkpoint, sources, tensorfile
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.weights import fitting
from pqv_core.errors import ModelError
from pqv_core.files import kind as file_kind
from pqv_core.files.kind import Kind
from pqv_core.models.sources import SOURCES
from pqv_core.project import project_file as projects


def base(config: ModelConfig, *, num_classes: int | None) -> Base:
    """What the source creates for a config; ``num_classes`` of the images wins over the arguments'."""
    arguments = dict(config.arguments)
    if num_classes is not None:
        arguments["num_classes"] = num_classes
    return Base(source=config.source, name=config.name, arguments=arguments)


def create(config: ModelConfig, *, num_classes: int | None, project: Path, context: Context) -> tuple[nn.Module, Base]:
    """The model that a config names, in eval mode on the CPU, and what it is based on.

    Args:
        num_classes: Classes of the images; None keeps the model's own.
        project: Project file; a relative path of weights starts at its folder.

    Raises:
        ModelError: The name is unknown, or the weights cannot be had or do not fit.
        StorageError: The weights file cannot be read.
    """
    with SOURCES.blaming(config.source):
        sources.source(config.source).require_known(config.name)
    wanted = base(config, num_classes=num_classes)
    if config.weights == "random":
        return wanted.create(), wanted
    if config.weights == "pretrained":
        return _pretrained(wanted, context), wanted
    path = projects.resolved_path(config.path or "", project=project)
    if file_kind.kind(path) is Kind.OUR_CHECKPOINT:
        return _own(path, config, num_classes, context)
    model = wanted.create()
    fitting.load(path, model, context=context)
    return model, wanted


def _pretrained(wanted: Base, context: Context) -> nn.Module:
    """Weights as the source publishes them."""
    model = wanted.published(context)
    classes = wanted.arguments.get("num_classes")
    if classes is not None and classes != sources.of(model).published_classes(wanted.name):
        context.warn(fitting.new_head(classes))
    return model


def has_new_head(classes: int, context: Context) -> bool:
    """Whether ``create`` has told this job that the model's head is new."""
    return fitting.new_head(classes) in context.warnings


def _own(path: Path, config: ModelConfig, num_classes: int | None, context: Context) -> tuple[nn.Module, Base]:
    """A checkpoint of ours, whose recipe says the architecture."""
    try:
        model = checkpoint.load(path)
        found = checkpoint.read_recipe(path).base
    except tensorfile.DamagedError as error:
        raise ModelError(error.message, action="Choose another checkpoint.", details=error.details) from error
    if found.source != config.source:
        raise ModelError(
            f"{path.name} contains a model of {SOURCES[found.source].label}, not of {SOURCES[config.source].label}.",
            action=f"Set model.source to {found.source}.",
        )
    if found.name != config.name:
        raise ModelError(
            f"{path.name} contains a {found.name}, not a {config.name}.", action=f"Choose the model {found.name}."
        )
    if merging := merged_tokens.merging_of(model):
        merged_tokens.undo(model)
        context.warn(
            f"The model in {path.name} merges tokens ({', '.join(map(str, merging.merged))} in its blocks). "
            "Whether a run does is what its own settings say: they are in tokens.per_block."
        )
    takes = preprocessing(model).channels
    if config.channels not in (None, takes):
        raise ModelError(
            f"{path.name} contains a model with {takes} channels, not {config.channels}.",
            action=f"Set the model argument in_chans to {takes}, or leave it out.",
        )
    have = getattr(model, "num_classes", None)
    if num_classes is not None and have != num_classes:
        sources.of(model).renew_head(model, num_classes)
        found = found.model_copy(update={"arguments": {**found.arguments, "num_classes": num_classes}})
        context.warn(fitting.new_head(num_classes))
    return model, found


def preprocessing(model: nn.Module) -> Preprocessing:
    """The input that a model takes."""
    return sources.of(model).preprocessing(model)


def _attention_flops(query: Any, key: Any, value: Any, *_args: Any, **_keywords: Any) -> int:
    """Of shapes (batch, heads, tokens, width)."""
    return int(sdpa_flop_count(query, key, value))


def _lstm_flops(tokens: Any, weight: Any, recurrent: Any, *_args: Any, **_keywords: Any) -> int:
    """One direction of one layer; ``tokens`` of shape (steps, batch, width)."""
    return 2 * math.prod(tokens[:2]) * (math.prod(weight) + math.prod(recurrent))


def count(model: nn.Module) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of one image."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return parameters, macs(model, (torch.zeros(1, *preprocessing(model).input_size),))


def macs(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> int:
    """Multiply-accumulates of one call (half of the floating-point operations)."""
    # torch counts these on GPUs only
    fused: dict[Any, Any] = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
        torch.ops.aten.mkldnn_rnn_layer: _lstm_flops,
    }
    counter = FlopCounterMode(display=False, custom_mapping=fused)
    constants = {name: parameter.detach() for name, parameter in module.named_parameters()}
    with torch.no_grad(), counter:  # which cannot follow parameters that want gradients
        torch.func.functional_call(module, constants, arguments, keywords)
    return counter.get_total_flops() // 2
