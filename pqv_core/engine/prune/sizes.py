"""What a unit of each width adds to the size of a file."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from pqv_core.config import QuantizeConfig, RunConfig
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.dependencies import Dependencies
from pqv_core.engine.prune.structured import narrowed
from pqv_core.engine.quantize import layers
from pqv_core.formats import FORMATS
from pqv_core.latency import levels
from pqv_core.latency.table import beside
from pqv_core.models import sources
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost

_MANY = 1_000_000


@dataclass(frozen=True)
class SizeLine:
    """Bytes of a file as a line in the units of each width, with one embedding.

    Attributes:
        dense: Of the model with nothing else cut.
        units: By the name of a width, of one unit of it; the embedding is none of them.
        embeddings: The same with other embeddings, by their channels.
    """

    dense: float
    units: Mapping[str, float]
    embeddings: Mapping[int, SizeLine] = field(default_factory=dict)

    def rest(self, original: Mapping[str, int]) -> float:
        """What no width has a part in.

        Args:
            original: Units of each width where nothing is cut.
        """
        return self.dense - sum(each * original[name] for name, each in self.units.items())

    def at(self, embedding: int) -> SizeLine:
        """The line with so many channels of the embedding; between two that are known, what lies between."""
        lines = [(self.embeddings[known], weight) for known, weight in beside(embedding, sorted(self.embeddings))]
        return SizeLine(
            sum(line.dense * weight for line, weight in lines),
            {name: sum(line.units[name] * weight for line, weight in lines) for name in self.units},
        )


def size_lines(model: nn.Module, config: RunConfig, form: str, scheme: str, context: Context) -> SizeLine:
    """The line of a model, from what its format says of sizes; with narrower embeddings too, where it may be cut.

    Args:
        model: Uncut.
        form: Key of a format.
    """
    pruning = config.pruning
    line = _size_line(model, config, form, scheme, context)
    whole = next((width for width in structure.widths(model, pruning) if width.kind == "embedding"), None)
    if whole is None:
        return line
    lines = {whole.units: line}
    for units in levels.embeddings(whole.units):
        narrow = narrowed(model, units, context)
        lines[units] = _size_line(narrow, config, form, scheme, context)
    return dataclasses.replace(line, embeddings=lines)


def _size_line(model: nn.Module, config: RunConfig, form: str, scheme: str, context: Context) -> SizeLine:
    widths = [width for width in structure.widths(model, config.pruning) if width.kind != "embedding"]
    entry = sources.entry(config.model.source, config.model.name)
    contents = entry.contents if entry is not None else None
    packed = _Packed.of(model, config.quantize)
    cost = _cost(model, packed)
    size = partial(_size, form, contents, scheme, config.quantize.group)
    dense = size(cost)
    of_other = (size(dataclasses.replace(cost, params=cost.params + _MANY)) - dense) / _MANY
    more = dataclasses.replace(
        cost, params=cost.params + _MANY, linear_weights=cost.linear_weights + _MANY, by_inputs=()
    )
    of_linear = (size(more) - size(dataclasses.replace(cost, by_inputs=()))) / _MANY
    of_output = (size(dataclasses.replace(cost, linear_outputs=cost.linear_outputs + _MANY)) - dense) / _MANY
    image = (1, *models.preprocessing(model).input_size)
    dependencies = Dependencies(model, widths, shape=image, context=context)
    linear_weights = {id(module.weight) for name, module in model.named_modules() if name in packed.weights}
    units = {}
    for width in widths:
        linear = other = outputs = 0.0
        for each in dependencies.slices(width):
            numbers = each.weight.numel() / each.weight.shape[each.dimension] * len(each.indices)
            if id(each.weight) in linear_weights:
                linear += numbers
                outputs += len(each.indices) if each.dimension == 0 else 0
            else:
                other += numbers
        units[width.name] = (of_linear * linear + of_output * outputs + of_other * other) / width.units
    return SizeLine(dense, units)


@dataclass(frozen=True)
class _Packed:
    """The linear layers of a model as a scheme packs them; a patch projection is one.

    Attributes:
        weights: By the names of the layers, without those that are left in floating point (``quantize.keep``).
        linears: How many layers there are with these.
    """

    weights: Mapping[str, torch.Tensor]
    linears: int

    @classmethod
    def of(cls, model: nn.Module, quantize: QuantizeConfig) -> _Packed:
        prepared = copy.deepcopy(model)
        layers.make_quantizable(prepared)
        names = layers.chosen(prepared, quantize.keep if quantize.uses_engine else ())
        weights = {name: prepared.get_parameter(f"{name}.weight") for name in names}
        return cls(weights, len(layers.layers(prepared)))


def _cost(model: nn.Module, packed: _Packed) -> Cost:
    """What a model's file is made of; operations are not counted."""
    weights = packed.weights.values()
    by_inputs: dict[int, int] = {}
    for weight in weights:
        inputs = weight[0].numel()
        by_inputs[inputs] = by_inputs.get(inputs, 0) + weight.numel()
    return Cost(
        params=sum(parameter.numel() for parameter in model.parameters()),
        linear_weights=sum(weight.numel() for weight in weights),
        linear_outputs=sum(len(weight) for weight in weights),
        linears=packed.linears,
        macs=0,
        by_inputs=tuple(sorted(by_inputs.items())),
    )


def _size(form: str, contents: Contents | None, scheme: str, group: int, cost: Cost) -> float:
    with FORMATS.blaming(form):
        return float(FORMATS[form].size(cost, contents, scheme=scheme, group=group))
