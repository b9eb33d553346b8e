"""What pruning and quantization will make of a model, from its sizes alone: shown while a slider moves.

A prediction, not a measurement. Parameters and multiply-accumulates follow from the same arithmetic of widths that
pruning uses; the size of a file is a model of how PyTorch Lite stores weights and code.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pqv_core.catalog import CatalogEntry
from pqv_core.config import ModelConfig, PruneConfig, QuantizeConfig
from pqv_core.errors import ConfigError
from pqv_core.vit_shape import Cost, VitShape
from pqv_core.widths import kept_heads, kept_width

_CODE_BYTES = 30_000
_CODE_BYTES_A_BLOCK = 8_000
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Figures:
    """What a file costs; ``macs`` is None where they are not known."""

    params: int
    macs: int | None
    file_bytes: int


@dataclass(frozen=True)
class BlockWidths:
    """Widths of every block: tokens, all heads together, and the MLP's hidden layer."""

    embedding: int
    heads: int
    head_dim: int
    hidden: int

    @property
    def attention(self) -> int:
        """Width of all heads."""
        return self.heads * self.head_dim


@dataclass(frozen=True)
class Prediction:
    """Before and after.

    Attributes:
        before: The model as it is, in fp32.
        after: Pruned and quantized; None where this architecture's pruning cannot be predicted.
        blocks: Number of blocks; 0 when unknown.
        widths_before: Widths of every block before pruning.
        widths_after: The same after.
    """

    before: Figures
    after: Figures | None
    blocks: int = 0
    widths_before: BlockWidths | None = None
    widths_after: BlockWidths | None = None


def predict(entry: CatalogEntry, *, model: ModelConfig, prune: PruneConfig, quantize: QuantizeConfig) -> Prediction:
    """What becomes of ``entry``, made with the arguments of ``model``, by pruning and quantization.

    Raises:
        ConfigError: The arguments do not go together (an image that is not a whole number of patches, …).
    """
    int8 = quantize.precision == "int8-dynamic"
    if entry.vit is None:
        before = Figures(entry.params, entry.macs, _FLOAT_BYTES * entry.params + _CODE_BYTES)
        unchanged = not prune.enabled and not int8
        return Prediction(before=before, after=before if unchanged else None)
    dense = with_arguments(entry, model)
    pruned = prune_shape(dense, prune) if prune.enabled else dense
    return Prediction(
        before=_figures(dense, int8=False),
        after=_figures(pruned, int8=int8),
        blocks=dense.depth,
        widths_before=_widths(dense),
        widths_after=_widths(pruned),
    )


def prune_shape(shape: VitShape, config: PruneConfig) -> VitShape:
    """The sizes that are left after pruning."""
    changes: dict[str, int] = {}
    if config.mlp:
        changes["hidden"] = kept_width(shape.hidden, ratio=config.ratio, round_to=config.round_to)
    if config.attention and config.attention_unit == "heads":
        changes["heads"] = kept_heads(shape.heads, ratio=config.ratio)
    elif config.attention:
        changes["head_dim"] = kept_width(shape.head_dim, ratio=config.ratio, round_to=config.round_to)
    if config.embedding:
        changes["embed"] = kept_width(shape.embed, ratio=config.ratio, round_to=config.round_to)
    return dataclasses.replace(shape, **changes)  # type: ignore[arg-type]  # mypy wants every field's type


def with_arguments(entry: CatalogEntry, model: ModelConfig) -> VitShape:
    """The sizes of a plain ViT made with timm arguments such as ``img_size`` or ``embed_dim``.

    Arguments that do not change sizes are left out of account. Without ``num_classes`` the weights' tag decides.

    Raises:
        ConfigError: An argument is not a positive whole number, or the sizes do not divide.
    """
    shape = entry.vit
    if shape is None:
        raise ConfigError(f"The sizes of {entry.name} are not known.", field="model.name")
    number = _Arguments(model)
    changes: dict[str, object] = {"classes": number.get("num_classes", _tag_classes(entry, model), least=0)}
    embed = number.get("embed_dim", shape.embed)
    heads = number.get("num_heads", shape.heads)
    if embed != shape.embed or heads != shape.heads:
        if embed % heads:
            raise ConfigError(
                f"The embedding ({embed}) is not a multiple of the number of heads ({heads}).",
                field="model.arguments.num_heads",
                action="Choose numbers that divide.",
            )
        changes |= {"embed": embed, "heads": heads, "head_dim": embed // heads}
    ratio = model.arguments.get("mlp_ratio", shape.hidden * shape.gates / shape.embed)
    if not isinstance(ratio, int | float) or isinstance(ratio, bool) or ratio <= 0:
        raise ConfigError("The MLP ratio must be a number above 0.", field="model.arguments.mlp_ratio")
    changes["hidden"] = int(embed * ratio) // shape.gates
    changes["depth"] = number.get("depth", shape.depth)
    return dataclasses.replace(shape, **changes, **_patches(shape, entry, number))  # type: ignore[arg-type]


def _patches(shape: VitShape, entry: CatalogEntry, number: _Arguments) -> dict[str, object]:
    """Image, patches and what depends on them."""
    image = number.get("img_size", 0)
    size = (image, image) if image else shape.image
    patch = number.get("patch_size", 0)
    cut = (patch, patch) if patch and not shape.stem_params else shape.patch
    if size[0] < cut[0] or size[1] < cut[1]:
        raise ConfigError(
            f"An image of {size[0]} × {size[1]} pixels is smaller than a patch of {cut[0]} × {cut[1]}.",
            field="model.arguments.img_size",
            action="Choose a larger image or a smaller patch.",
        )
    channels = number.get("in_chans", entry.input_size[0])
    inputs = shape.patch_inputs if shape.stem_params else channels * cut[0] * cut[1]
    stem = shape.stem_macs * size[0] * size[1] // (shape.image[0] * shape.image[1])
    return {"image": size, "patch": cut, "patch_inputs": inputs, "stem_macs": stem}


def _tag_classes(entry: CatalogEntry, model: ModelConfig) -> int:
    tag = model.name.partition(".")[2]
    return next((weights.classes for weights in entry.weights if weights.tag == tag), entry.num_classes)


class _Arguments:
    """Whole numbers among a model's arguments."""

    def __init__(self, model: ModelConfig) -> None:
        self.values = model.arguments

    def get(self, name: str, default: int, *, least: int = 1) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ConfigError(
                f"The model argument {name} must be a whole number of at least {least} (given: {value!r}).",
                field=f"model.arguments.{name}",
                action="Correct this value.",
            )
        return value


def _figures(shape: VitShape, *, int8: bool) -> Figures:
    cost = shape.cost()
    return Figures(cost.params, cost.macs, file_bytes(cost, blocks=shape.depth, int8=int8))


def file_bytes(cost: Cost, *, blocks: int, int8: bool) -> int:
    """About the size of a ``.ptl``: weights of linear layers in one byte when quantized, all else in four."""
    code = _CODE_BYTES + _CODE_BYTES_A_BLOCK * blocks
    packed = cost.linear_weights if int8 else 0
    return packed + _FLOAT_BYTES * (cost.params - packed) + code


def _widths(shape: VitShape) -> BlockWidths:
    return BlockWidths(shape.embed, shape.heads, shape.head_dim, shape.hidden)
