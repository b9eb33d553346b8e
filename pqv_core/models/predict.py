"""What pruning and quantization will make of a model, from its sizes alone: shown while a slider moves.

A prediction, not a measurement. Parameters and multiply-accumulates follow from the same arithmetic of widths that
pruning uses; sizes of files, from their format.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pqv_core.config import ModelConfig, PruneConfig, QuantizeConfig, TokensConfig
from pqv_core.config.quantize import Precision
from pqv_core.errors import ConfigError
from pqv_core.formats import FORMATS, default
from pqv_core.models import merged_tokens
from pqv_core.models.catalog import CatalogEntry, Cut, Weights
from pqv_core.models.contents import Contents
from pqv_core.models.kept_widths import kept_width
from pqv_core.models.vit_shape import Cost, VitShape


class _Size(Protocol):
    """As ``Format.size``, for one size of groups."""

    def __call__(self, cost: Cost, contents: Contents | None, *, scheme: str) -> int: ...


@dataclass(frozen=True)
class Figures:
    """What a file costs; ``macs`` is None where they are not known."""

    params: int
    macs: int | None
    file_bytes: int


@dataclass(frozen=True)
class Description:
    """A model as its arguments make it, in fp32 and not pruned.

    Attributes:
        macs: None where they are not known.
        image: Height and width of its input.
        unheeded: Arguments whose effect is not known without making the model.
    """

    params: int
    macs: int | None
    image: tuple[int, int]
    channels: int
    unheeded: tuple[str, ...] = ()


_SIZES = frozenset(
    ("num_classes", "in_chans", "img_size", "patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio")
)
_FOR_TRAINING = "drop"  # in the name of an argument that changes neither sizes nor operations


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
        after: Pruned and quantized; None where that cannot be predicted.
        blocks: Number of blocks; 0 when unknown.
        widths_before: Widths of every block before pruning.
        widths_after: The same after.
        why_not: Sentence that says why there is no ``after``.
    """

    before: Figures
    after: Figures | None
    blocks: int = 0
    widths_before: BlockWidths | None = None
    widths_after: BlockWidths | None = None
    why_not: str = ""


_ALL_TOKENS = TokensConfig()


def predict(
    entry: CatalogEntry,
    *,
    model: ModelConfig,
    prune: PruneConfig,
    quantize: QuantizeConfig,
    tokens: TokensConfig = _ALL_TOKENS,
    format: str = "",
) -> Prediction:
    """What becomes of ``entry``, made with the arguments of ``model``, by pruning, merged tokens and quantization.

    Args:
        format: Key of the format whose size is predicted; empty for the default one.

    Raises:
        ConfigError: The arguments do not go together (an image smaller than a patch, …).
        PluginError: The format is another package's, and fails.
    """
    size = partial(_size, format or default(), group=quantize.group)
    prune = prune.aligned(quantize.scheme.inputs_multiple)
    if tokens.enabled and (why_not := merged_tokens.obstacle(entry.architecture)):
        whole = predict(entry, model=model, prune=prune, quantize=quantize, format=format)
        return dataclasses.replace(whole, after=None, widths_after=None, why_not=why_not)
    if entry.vit is None:
        return _without_shape(entry, model=model, prune=prune, precision=quantize.precision, size=size)
    dense = with_arguments(entry, model)
    before = Prediction(
        _figures(dense, size, precision="fp32"), after=None, blocks=dense.depth, widths_before=_widths(dense)
    )
    why_not = obstacle(entry, prune)
    if why_not:
        return dataclasses.replace(before, why_not=why_not)
    pruned = prune_shape(dense, prune) if prune.enabled else dense
    if tokens.enabled and not tokens.by_budget:  # how many a budget merges is not known before
        merged = merged_tokens.merged(tokens, patches=pruned.patches, depth=pruned.depth)
        pruned = dataclasses.replace(pruned, merged=merged)
    return dataclasses.replace(
        before, after=_figures(pruned, size, precision=quantize.precision), widths_after=_widths(pruned)
    )


def _size(format: str, cost: Cost, contents: Contents | None, *, scheme: str, group: int) -> int:
    with FORMATS.blaming(format):
        return int(FORMATS[format].size(cost, contents, scheme=scheme, group=group))


def describe(entry: CatalogEntry, model: ModelConfig) -> Description:
    """What timm makes of ``entry`` with the arguments of ``model``.

    Raises:
        ConfigError: The arguments do not go together.
    """
    plain = predict(entry, model=model, prune=PruneConfig(enabled=False), quantize=QuantizeConfig(precision="fp32"))
    image = with_arguments(entry, model).image if entry.vit is not None else entry.input_size[1:]
    heeded = _SIZES if entry.vit is not None else {"num_classes", "in_chans"}
    unheeded = tuple(name for name in model.arguments if name not in heeded and _FOR_TRAINING not in name)
    channels = _Arguments(model).get("in_chans", entry.input_size[0])
    return Description(plain.before.params, plain.before.macs, (image[0], image[1]), channels, unheeded)


def obstacle(entry: CatalogEntry, config: PruneConfig) -> str:
    """A sentence that says why a model cannot be pruned as asked; empty when it can."""
    wanted = _wanted(config)
    why_not = {kind: why for kind, why in entry.uncut.items() if kind in wanted}
    if "embedding" in why_not:
        return f"The embedding of this model cannot be cut: {why_not['embedding']}."
    if wanted and len(why_not) == len(wanted):
        return f"{entry.architecture} models cannot be pruned: {'; '.join(why_not.values())}."
    return ""


def _wanted(config: PruneConfig) -> set[str]:
    """Kinds of widths that are to be cut."""
    kinds = {"mlp": config.mlp, "attention": config.attention, "embedding": config.embedding}
    return {kind for kind, asked in kinds.items() if asked and config.enabled}


def prune_shape(shape: VitShape, config: PruneConfig) -> VitShape:
    """The sizes of a plain ViT that are left after pruning."""
    changes: dict[str, int] = {}
    if config.mlp:
        changes["hidden"] = kept_width(shape.hidden, ratio=config.ratio, round_to=config.rounding())
    if config.attention and config.attention_unit == "heads":
        changes["heads"] = kept_width(shape.heads, ratio=config.ratio, round_to=1)
    elif config.attention:
        round_to = config.rounding(heads=shape.heads)
        changes["head_dim"] = kept_width(shape.head_dim, ratio=config.ratio, round_to=round_to)
    if config.embedding:
        changes["embed"] = kept_width(shape.embed, ratio=config.ratio, round_to=config.rounding())
    return dataclasses.replace(shape, **changes)  # type: ignore[arg-type]  # mypy wants every field's type


def _without_shape(
    entry: CatalogEntry, *, model: ModelConfig, prune: PruneConfig, precision: Precision, size: _Size
) -> Prediction:
    """Other architectures, as timm makes them: of the arguments, only classes and channels are taken into account."""
    more = _more_channels(entry, _Arguments(model))
    dense = _sum(_with_classes(entry, model), entry.channel, times=more)
    before = Figures(
        dense.params,
        dense.macs if entry.macs is not None else None,
        size(dense, entry.contents, scheme="fp32"),
    )
    why_not = obstacle(entry, prune)
    if why_not:
        return Prediction(before=before, after=None, why_not=why_not)
    pruned = _without_cuts(dense, entry.cuts, prune)
    macs = pruned.macs if entry.macs is not None else None
    contents = entry.contents.without_heads(_lost_heads(entry.cuts, prune)) if entry.contents is not None else None
    after = Figures(pruned.params, macs, size(pruned, contents, scheme=precision))
    return Prediction(before=before, after=after)


def _with_classes(entry: CatalogEntry, model: ModelConfig) -> Cost:
    tag = _tag(entry, model)
    asked = _Arguments(model).get("num_classes", tag.classes if tag else entry.num_classes, least=0)
    more = asked - entry.num_classes if entry.features else 0
    weights = more * entry.features
    return _sum(entry.cost, Cost(weights + more, weights, more, 0, weights))


def _more_channels(entry: CatalogEntry, number: _Arguments) -> int:
    """By how many the channels of the input differ from the published ones."""
    return number.get("in_chans", entry.input_size[0]) - entry.input_size[0]


def _without_cuts(cost: Cost, cuts: Sequence[Cut], config: PruneConfig) -> Cost:
    for cut in cuts:
        if cut.kind in _wanted(config):
            cost = _sum(cost, cut.cost, times=-cut.count * _lost(cut, config))
    return cost


def _lost(cut: Cut, config: PruneConfig) -> float:
    """The share of a cost that is cut."""
    whole = _by_heads(cut, config)
    units = cut.heads if whole else cut.channels // cut.heads
    round_to = 1 if whole else config.rounding(heads=cut.heads)
    return 1 - kept_width(units, ratio=config.ratio, round_to=round_to) / units


def _by_heads(cut: Cut, config: PruneConfig) -> bool:
    return cut.kind == "attention" and (cut.unit or config.attention_unit) == "heads"


def _lost_heads(cuts: Sequence[Cut], config: PruneConfig) -> float:
    """The share of all heads that is cut."""
    heads = sum(cut.count * cut.heads for cut in cuts if cut.kind == "attention")
    if not heads or "attention" not in _wanted(config):
        return 0.0
    return sum(cut.count * cut.heads * _lost(cut, config) for cut in cuts if _by_heads(cut, config)) / heads


def _sum(one: Cost, other: Cost, *, times: float = 1.0) -> Cost:
    """``one`` + ``times`` · ``other``; the number of layers stays, and which inputs they have is not known."""
    return Cost(
        params=one.params + round(times * other.params),
        linear_weights=one.linear_weights + round(times * other.linear_weights),
        linear_outputs=one.linear_outputs + round(times * other.linear_outputs),
        linears=one.linears,
        macs=one.macs + round(times * other.macs),
        conv_weights=one.conv_weights + round(times * other.conv_weights),
    )


def with_arguments(entry: CatalogEntry, model: ModelConfig) -> VitShape:
    """The sizes of a plain ViT made with timm arguments such as ``img_size`` or ``embed_dim``.

    ``num_classes`` and ``img_size`` default to those of the weights' tag; arguments other than sizes are left out
    of account.

    Raises:
        ConfigError: An argument is not a positive whole number, or the sizes do not divide.
    """
    shape = entry.vit
    if shape is None:
        raise ConfigError(f"The sizes of {entry.name} are not known.", field="model.name")
    number = _Arguments(model)
    tag = _tag(entry, model)
    classes = tag.classes if tag else shape.classes
    changes: dict[str, object] = {"classes": number.get("num_classes", classes, least=0)}
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
    changes |= _hidden(shape, model, embed=embed)
    changes["depth"] = number.get("depth", shape.depth)
    return dataclasses.replace(shape, **changes, **_patches(shape, entry, number, tag))  # type: ignore[arg-type]


def _hidden(shape: VitShape, model: ModelConfig, *, embed: int) -> dict[str, object]:
    """Hidden widths of the MLPs in the blocks and in attention pooling."""
    ratio = model.arguments.get("mlp_ratio")
    if ratio is not None and (not isinstance(ratio, int | float) or isinstance(ratio, bool) or ratio <= 0):
        raise ConfigError(
            f"The model argument mlp_ratio must be a number above 0 (given: {ratio!r}).",
            field="model.arguments.mlp_ratio",
            action="Correct this value.",
        )
    if ratio is None and embed == shape.embed:
        return {}
    halves = 2 if shape.packed_gates else 1
    own = shape.hidden * halves / shape.embed if ratio is None else float(ratio)
    pool = shape.pool_hidden / shape.embed if ratio is None else float(ratio)
    return {
        "hidden": int(embed * own) // halves,
        "pool_hidden": int(embed * pool) if shape.pool_hidden else 0,
    }


def _patches(shape: VitShape, entry: CatalogEntry, number: _Arguments, tag: Weights | None) -> dict[str, object]:
    """Image, patches and what depends on them."""
    image = number.get("img_size", tag.image_size if tag else 0)
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
    more = _more_channels(entry, number)
    stem = (shape.stem_macs + more * entry.channel.macs) * size[0] * size[1] // (shape.image[0] * shape.image[1])
    params = shape.stem_params + more * entry.channel.params
    return {"image": size, "patch": cut, "patch_inputs": inputs, "stem_macs": stem, "stem_params": params}


def _tag(entry: CatalogEntry, model: ModelConfig) -> Weights | None:
    """The published weights that the model's name asks for."""
    tag = model.name.partition(".")[2]
    return next((weights for weights in entry.weights if weights.tag == tag), None)


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


def _figures(shape: VitShape, size: _Size, *, precision: Precision) -> Figures:
    cost = shape.cost()
    return Figures(cost.params, cost.macs, size(cost, None, scheme=precision))


def _widths(shape: VitShape) -> BlockWidths:
    return BlockWidths(shape.embed, shape.heads, shape.head_dim, shape.hidden)
