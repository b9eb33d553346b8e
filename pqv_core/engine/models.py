"""Models of timm, with published, own or random weights."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import timm
import torch
from timm.data.config import resolve_data_config
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from pqv_core import project as projects
from pqv_core.config.model import ModelConfig
from pqv_core.engine import checkpoint, hub, input_channels, positions, weights_file
from pqv_core.engine.checkpoint import Base
from pqv_core.engine.context import Context
from pqv_core.engine.preprocessing import Preprocessing
from pqv_core.errors import ModelError
from pqv_core.spelling import closest

_NAMED = 4


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
    _require_known(config.name)
    wanted = base(config, num_classes=num_classes)
    if config.weights == "random":
        return wanted.create(), wanted
    if config.weights == "pretrained":
        return _pretrained(wanted, context), wanted
    path = projects.resolved_path(config.path or "", project=project)
    if weights_file.is_checkpoint(path):
        return _own(path, config, num_classes, context)
    model = wanted.create()
    _fit(model, weights_file.read(path), path=path, context=context)
    return model, wanted


def _require_known(name: str) -> None:
    if timm.is_model(name):
        try:
            timm.get_pretrained_cfg(name)
        except RuntimeError as error:
            raise ModelError(str(error), action="Leave the tag out, or name a published one.") from error
        return
    close = closest(name, timm.list_models(), count=_NAMED)
    raise ModelError(
        f"timm {timm.__version__} has no model named {name!r}.",
        action=f"Did you mean {', '.join(close)}?" if close else "Look for one with: pqv models TEXT.",
    )


def _pretrained(wanted: Base, context: Context) -> nn.Module:
    """Weights as timm publishes them; the download is the hub client's, with its cache."""
    config = timm.get_pretrained_cfg(wanted.name)
    if config is None or not config.has_weights:
        raise ModelError(
            f"No weights are published for {wanted.name}.",
            action="Choose random weights or a weights file.",
        )
    context.log(f"Getting the published weights of {wanted.name}.")
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
        context.warn(_new_channels(preprocessing(model).channels))
    classes = wanted.arguments.get("num_classes")
    if classes is not None and classes != config.num_classes:
        context.warn(_new_head(classes))
    return model


def _new_head(classes: Any) -> str:
    return f"The model's head is new (for {classes} classes) and knows nothing until it is trained."


def _new_channels(channels: int) -> str:
    return f"The weights of the first layer were made for RGB and adapted to {channels} channels, as timm does it."


def _own(path: Path, config: ModelConfig, num_classes: int | None, context: Context) -> tuple[nn.Module, Base]:
    """A checkpoint of ours, whose recipe says the architecture."""
    model = checkpoint.load(path)
    found = checkpoint.read_recipe(path).base
    if found.name != config.name:
        raise ModelError(
            f"{path.name} holds a {found.name}, not a {config.name}.", action=f"Choose the model {found.name}."
        )
    takes = preprocessing(model).channels
    if config.channels not in (None, takes):
        raise ModelError(
            f"{path.name} holds a model that takes {takes} channels, not {config.channels}.",
            action=f"Set the model argument in_chans to {takes}, or leave it out.",
        )
    have = getattr(model, "num_classes", None)
    if num_classes is not None and have != num_classes:
        cast(Any, model).reset_classifier(num_classes)
        found = Base(name=found.name, arguments={**found.arguments, "num_classes": num_classes})
        context.warn(_new_head(num_classes))
    return model, found


def _fit(model: nn.Module, state: Mapping[str, Tensor], *, path: Path, context: Context) -> None:
    """Load foreign weights: another head is left new, position embeddings are resampled by timm."""
    adapt: Callable[..., dict[str, Tensor]] | None = getattr(
        sys.modules[type(model).__module__], "checkpoint_filter_fn", None
    )
    state = dict(state)
    if adapt is not None:
        try:
            state = adapt(state, model)
        except (RuntimeError, KeyError, ValueError, AssertionError, AttributeError) as error:
            raise _misfit(path, model, [str(error)]) from error
    wanted = model.state_dict()
    state = positions.resampled(state, wanted)
    state, channels = input_channels.adapted(state, model)
    if channels is not None:
        context.warn(_new_channels(channels))
    head = tuple(f"{name}." for name in _classifiers(model))
    other_head = [name for name in state if name.startswith(head) and name in wanted and not _same(state, wanted, name)]
    if other_head:
        state = {name: tensor for name, tensor in state.items() if not name.startswith(head)}
        context.warn(_new_head(getattr(model, "num_classes", "other")))
    absent = [
        f"{name} is missing" for name in wanted if name not in state and not (other_head and name.startswith(head))
    ]
    extra = [f"{name} is unknown" for name in state if name not in wanted]
    shapes = [
        f"{name} is {_shape(state[name])} instead of {_shape(wanted[name])}"
        for name in state
        if name in wanted and not _same(state, wanted, name)
    ]
    if absent or extra or shapes:
        raise _misfit(path, model, shapes + absent + extra)
    model.load_state_dict(state, strict=False)


def _classifiers(model: nn.Module) -> tuple[str, ...]:
    found = getattr(model, "pretrained_cfg", {}).get("classifier", ())
    return (found,) if isinstance(found, str) else tuple(found or ())


def _same(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> bool:
    return state[name].shape == wanted[name].shape


def _shape(tensor: Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a number"


def _misfit(path: Path, model: nn.Module, problems: list[str]) -> ModelError:
    shown = "; ".join(re.sub(r"\s+", " ", problem)[:160] for problem in problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return ModelError(
        f"{path.name} does not fit this model: {shown}{more}.",
        action="Choose the model (and its arguments) that these weights belong to.",
        details="\n".join(problems[:200]),
    )


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
