"""Models of timm, with published, own or random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import timm
import torch
from timm.data.config import resolve_data_config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from pqv_core.config.model import ModelConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data import input_channels
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models import checkpoint, hub, tensorfile, timm_names
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.weights import fitting
from pqv_core.errors import ModelError
from pqv_core.files import kind as file_kind
from pqv_core.files.kind import Kind
from pqv_core.project import file as projects


def base(config: ModelConfig, *, num_classes: int | None) -> Base:
    """What timm creates for a config; ``num_classes`` of the images wins over the arguments'."""
    arguments = dict(config.arguments)
    if num_classes is not None:
        arguments["num_classes"] = num_classes
    return Base(name=config.name, arguments=arguments)


def create(config: ModelConfig, *, num_classes: int | None, project: Path, context: Context) -> tuple[nn.Module, Base]:
    """The model that a config names, in eval mode on the CPU, and what it is based on.

    Args:
        num_classes: Classes of the images; None keeps the model's own.
        project: Project file; a relative path of weights starts at its folder.

    Raises:
        ModelError: The name is unknown, or the weights cannot be had or do not fit.
        StorageError: The weights file cannot be read.
    """
    timm_names.require_known(config.name)
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


def published_classes(name: str) -> int | None:
    """How many classes the published weights of a model tell apart; None where there are none."""
    try:
        config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    except RuntimeError:  # no such tag
        return None
    return int(config.num_classes) if config is not None else None


def _pretrained(wanted: Base, context: Context) -> nn.Module:
    """Weights as timm publishes them; the download is the hub client's, with its cache."""
    config = timm.get_pretrained_cfg(wanted.name)
    if config is None or not config.has_weights:
        raise ModelError(
            f"No weights are published for {wanted.name}.",
            action="Choose random weights or a weights file.",
        )
    context.log(f"Downloading the published weights of {wanted.name}.")
    try:
        with hub.bounded():
            model = wanted.made(pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"The published weights of {wanted.name} could not be downloaded.",
            action="Check the network and try again, choose a local weights file, or use random weights.",
            details=f"{type(error).__name__}: {error}",
        ) from error
    if preprocessing(model).channels != config.input_size[0]:
        context.warn(input_channels.sentence(preprocessing(model).channels))
    classes = wanted.arguments.get("num_classes")
    if classes is not None and classes != config.num_classes:
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
    if found.name != config.name:
        raise ModelError(
            f"{path.name} contains a {found.name}, not a {config.name}.", action=f"Choose the model {found.name}."
        )
    takes = preprocessing(model).channels
    if config.channels not in (None, takes):
        raise ModelError(
            f"{path.name} contains a model with {takes} channels, not {config.channels}.",
            action=f"Set the model argument in_chans to {takes}, or leave it out.",
        )
    have = getattr(model, "num_classes", None)
    if num_classes is not None and have != num_classes:
        cast(Any, model).reset_classifier(num_classes)
        found = Base(name=found.name, arguments={**found.arguments, "num_classes": num_classes})
        context.warn(fitting.new_head(num_classes))
    return model, found


def preprocessing(model: nn.Module) -> Preprocessing:
    """The input that a model takes, from its description (``Base.made``)."""
    found = resolve_data_config({}, model=cast(Any, model))
    return Preprocessing(
        input_size=tuple(found["input_size"]),
        mean=input_channels.statistic(found["mean"], found["input_size"][0]),
        std=input_channels.statistic(found["std"], found["input_size"][0]),
        interpolation=found["interpolation"],
        crop_pct=found["crop_pct"],
        crop_mode=found["crop_mode"],
    )


def _attention_flops(query: Any, key: Any, value: Any, *_args: Any, **_keywords: Any) -> int:
    """Of shapes (batch, heads, tokens, width)."""
    return int(sdpa_flop_count(query, key, value))


def _lstm_flops(tokens: Any, weight: Any, recurrent: Any, *_args: Any, **_keywords: Any) -> int:
    """One direction of one layer; ``tokens`` of shape (steps, batch, width)."""
    return 2 * math.prod(tokens[:2]) * (math.prod(weight) + math.prod(recurrent))


def count(model: nn.Module) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of one image (half of the floating-point operations)."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    example = torch.zeros(1, *preprocessing(model).input_size)
    # torch counts these on GPUs only
    fused: dict[Any, Any] = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
        torch.ops.aten.mkldnn_rnn_layer: _lstm_flops,
    }
    counter = FlopCounterMode(display=False, custom_mapping=fused)
    constants = {name: parameter.detach() for name, parameter in model.named_parameters()}
    with torch.no_grad(), counter:  # which cannot follow parameters that want gradients
        torch.func.functional_call(model, constants, (example,))
    return parameters, counter.get_total_flops() // 2
