"""timm's models: made, loaded and described here only.

Beside this, timm serves as a library for training and data (augmentations, parameter groups, averaged weights, named
data sets: ``engine/train``, ``engine/data/named_data.py``), and ``engine/structure``, ``engine/transforms`` and
``engine/importance`` know its layers class by class: what they say of a layer holds wherever the model comes from.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import timm
from timm.data.config import resolve_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models.sources.base import ModelSource
from pqv_core.engine.models.sources.timm import hub, input_channels, names, positions
from pqv_core.errors import ModelError
from pqv_core.spelling import closest

_SHOWN = 4


class Timm(ModelSource):
    """The models of timm's registry. A name of anywhere else, such as ``hf-hub:…`` or ``local-dir:…``, is refused."""

    @property
    def version(self) -> str:
        return str(timm.__version__)

    def require_known(self, name: str) -> None:
        if timm.is_model(name):
            try:
                timm.get_pretrained_cfg(name)
            except RuntimeError as error:
                raise ModelError(str(error), action="Leave the tag out, or name a published one.") from error
            return
        close = closest(name, timm.list_models(), count=_SHOWN)
        raise ModelError(
            f"timm {timm.__version__} has no model named {name!r}.",
            action=f"Did you mean {', '.join(close)}?" if close else "Look for one with: pqv models TEXT.",
        )

    def create(self, name: str, arguments: Mapping[str, Any]) -> nn.Module:
        return _made(name, arguments, pretrained=False)

    def preprocessing(self, model: nn.Module) -> Preprocessing:
        found = resolve_data_config({}, model=cast(Any, model))
        return Preprocessing(
            input_size=tuple(found["input_size"]),
            mean=input_channels.statistic(found["mean"], found["input_size"][0]),
            std=input_channels.statistic(found["std"], found["input_size"][0]),
            interpolation=found["interpolation"],
            crop_pct=found["crop_pct"],
            crop_mode=found["crop_mode"],
        )

    def classifiers(self, model: nn.Module) -> tuple[str, ...]:
        return _listed(model, "classifier")

    def renew_head(self, model: nn.Module, classes: int) -> None:
        cast(Any, model).reset_classifier(classes)

    def published_classes(self, name: str) -> int | None:
        config = _published(name)
        return int(config.num_classes) if config is not None and config.has_weights else None

    def load_published(self, name: str, arguments: Mapping[str, Any], *, context: Context) -> nn.Module:
        config = _published(name)
        if config is None or not config.has_weights:
            return super().load_published(name, arguments, context=context)
        context.log(f"Downloading the published weights of {name}.")
        try:
            with hub.bounded():  # the download is the hub client's, with its cache
                model = _made(name, arguments, pretrained=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"The published weights of {name} could not be downloaded.",
                action="Check the network and try again, choose a local weights file, or use random weights.",
                details=f"{type(error).__name__}: {error}",
            ) from error
        channels = self.preprocessing(model).channels
        if channels != config.input_size[0]:
            context.warn(input_channels.sentence(channels))
        return model

    def class_names(self, name: str, classes: int) -> Sequence[str] | None:
        """ImageNet's, by their synsets, where ImageNet-1k, -12k, -21k or -22k has so many classes."""
        subset = infer_imagenet_subset({"num_classes": classes}) if _published(name) is not None else None
        found: Sequence[str] | None = ImageNetInfo(subset).label_names() if subset is not None else None
        return found

    def renamed(self, state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        return names.as_timm(state)

    def converted(self, state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
        """Through the filter of the model's family, where timm has one, and with positions for another resolution."""
        return positions.resampled(_family_filter(model)(dict(state), model), model.state_dict())

    def with_channels(self, state: Mapping[str, Tensor], model: nn.Module) -> tuple[dict[str, Tensor], str]:
        found, channels = input_channels.adapted(state, model, _listed(model, "first_conv"))
        return found, "" if channels is None else input_channels.sentence(channels)


def _published(name: str) -> Any | None:
    """timm's description of what is published under a name; None for a name or a tag that it does not have."""
    try:
        return timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    except RuntimeError:  # no such tag
        return None


def _made(name: str, arguments: Mapping[str, Any], *, pretrained: bool) -> nn.Module:
    """What timm makes of a name and arguments.

    timm's description of the model goes on naming the size and the channels that it was published with, so those
    that were asked for are written there.
    """
    model: nn.Module = timm.create_model(name, pretrained=pretrained, **arguments)
    published: dict[str, Any] = cast(Any, model).pretrained_cfg
    channels, height, width = published["input_size"]
    size, asked = arguments.get("img_size"), arguments.get("in_chans")
    if size is not None:
        height = width = size
    if asked is not None:
        channels = asked
    if (channels, height, width) != tuple(published["input_size"]):
        cast(Any, model).pretrained_cfg = {**published, "input_size": (channels, height, width)}
    return model


def _listed(model: nn.Module, what: str) -> tuple[str, ...]:
    """Names of layers in timm's description of a model, which has one, several or none."""
    found = getattr(model, "pretrained_cfg", {}).get(what) or ()
    return (found,) if isinstance(found, str) else tuple(found)


def _family_filter(model: nn.Module) -> Callable[..., dict[str, Tensor]]:
    adapt: Any = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if adapt is None:
        return lambda state, _: state
    if "adapt_layer_scale" in inspect.signature(adapt).parameters:  # DeiT III's gammas
        return functools.partial(adapt, adapt_layer_scale=True)
    return adapt
