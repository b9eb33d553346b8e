"""The transformer-family models that timm offers, read from ``resources/catalog.json``.

The file is made by ``scripts/make_catalog.py``; what their weights reach comes from ``published_accuracy``. Nothing
here imports timm: a window lists the models at once.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pqv_core.errors import ModelError, StorageError, from_os_error
from pqv_core.files.resource_files import resource
from pqv_core.models import published_accuracy
from pqv_core.models.contents import Contents
from pqv_core.models.published_accuracy import PublishedAccuracies, PublishedAccuracy
from pqv_core.models.vit_shape import Cost, VitShape
from pqv_core.spelling import closest

_NOTHING = Cost(0, 0, 0, 0, 0)
_BYTES_PER_PARAMETER = 4
_CLOSE_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Weights:
    """Published weights of a model: timm calls them by ``model.tag``.

    Attributes:
        image_size: Side of the images in pixels that they are used with.
        accuracies: What was published of them; empty where nothing was.
    """

    tag: str
    classes: int
    image_size: int
    accuracies: tuple[PublishedAccuracy, ...] = ()

    @property
    def top1(self) -> float | None:
        """Published top-1 on ImageNet-1k with images of ``image_size``, from 0 to 1; None where there is none."""
        return next((each.top1 for each in self.accuracies if each.image_size == self.image_size), None)


@dataclass(frozen=True, slots=True)
class Cut:
    """A width of an architecture that is no plain ViT, with the layers around it.

    Attributes:
        kind: ``mlp`` or ``attention``.
        channels: How wide it is.
        heads: Heads that share the channels; 1 for an MLP.
        cost: What the layers around it cost; nearly all of it in proportion to ``channels``.
        count: How many equal ones there are.
        unit: In what attention is cut whatever is asked for: ``heads`` or ``width``; empty where it is free.
    """

    kind: str
    channels: int
    heads: int
    cost: Cost
    count: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model of timm, as it is made without arguments.

    Attributes:
        name: timm's name, without a tag.
        family: Name of the family for a person.
        architecture: Python class.
        params: Parameters.
        macs: Multiply-accumulates at batch 1 (linear layers, convolutions, the products of attention); None where
            they could not be counted.
        linear_weights: Parameters that are weights of linear layers, which quantization packs.
        linear_outputs: Output channels of all linear layers.
        linears: Number of linear layers.
        conv_weights: Weights of convolutions that are no patch projection.
        input_size: Channels, height, width.
        num_classes: Outputs; 0 when the model gives features.
        hub_id: Where the default weights are published, or empty.
        licence: Of the default weights, as timm states it; may be empty.
        weights: All published weights, the default ones first.
        vit: Sizes of a plain ViT, from which the effect of pruning is predicted; None for other architectures.
        cuts: What can be cut in other architectures.
        features: Inputs of the classifier of other architectures; 0 when they are not known.
        contents: What files of other architectures store besides parameters; None where that is not known.
        channel: What each channel of the input costs, where ``vit`` does not say it.
        uncut: Kinds (``mlp``, ``attention``, ``embedding``) that cannot be cut, with the end of a sentence that says
            why.
    """

    name: str
    family: str
    architecture: str
    params: int
    macs: int | None
    input_size: tuple[int, int, int]
    num_classes: int
    linear_weights: int
    linear_outputs: int
    linears: int
    conv_weights: int = 0
    hub_id: str = ""
    licence: str = ""
    weights: tuple[Weights, ...] = ()
    vit: VitShape | None = None
    cuts: tuple[Cut, ...] = ()
    features: int = 0
    contents: Contents | None = None
    channel: Cost = _NOTHING
    uncut: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def pretrained(self) -> bool:
        """Whether weights are published."""
        return bool(self.weights)

    @property
    def top1(self) -> float | None:
        """Published top-1 of the default weights on ImageNet-1k, from 0 to 1; None where there is none."""
        return self.weights[0].top1 if self.weights else None

    def weights_of(self, name: str) -> Weights | None:
        """The published weights that ``name`` stands for: those of its tag, else the default ones; None where none."""
        _, _, tag = name.partition(".")
        return next((weights for weights in self.weights if tag in ("", weights.tag)), None)

    @property
    def download_bytes(self) -> int | None:
        """About how much is downloaded for the default weights; None when there are none."""
        return self.params * _BYTES_PER_PARAMETER if self.weights else None

    @property
    def cost(self) -> Cost:
        """What it costs as it is; 0 stands for multiply-accumulates that are not known."""
        return Cost(
            self.params,
            self.linear_weights,
            self.linear_outputs,
            self.linears,
            self.macs or 0,
            conv_weights=self.conv_weights,
        )

    @property
    def attention_units(self) -> tuple[str, ...]:
        """In what attention can be cut (``width``, ``heads``); some of it may be cut in one of them only."""
        if self.vit is not None:
            return "width", "heads"
        units = {cut.unit for cut in self.cuts if cut.kind == "attention"}
        return tuple(unit for unit in ("width", "heads") if units & {"", unit})


@dataclass(frozen=True, slots=True)
class _Words:
    """What of a model is searched, taken apart once: a person types letter by letter."""

    name: str
    parts: tuple[str, ...]
    all: str
    sets: int

    @classmethod
    def of(cls, entry: CatalogEntry) -> _Words:
        tags = " ".join(weights.tag for weights in entry.weights)
        parts = tuple(re.split(r"[_.\s]", entry.name))
        return cls(entry.name, parts, f"{entry.name} {entry.family.casefold()} {tags}", len(entry.weights))

    def rank(self, words: list[str]) -> tuple[int, int, int, str] | None:
        """Where the model stands among the matches (least first), or None when a word is missing."""
        if not all(word in self.all for word in words):
            return None
        name, parts, joined = self.name, self.parts, "_".join(words)
        if joined == name:
            place = 0
        elif name.startswith(joined):
            place = 1
        elif all(word in parts for word in words):
            place = 2
        elif all(any(part.startswith(word) for part in parts) for word in words):
            place = 3
        elif all(word in name for word in words):
            place = 4
        else:
            place = 5
        return place, len(parts), -self.sets, name


@dataclass(frozen=True)
class Catalog:
    """All models, in timm's natural order of names.

    Attributes:
        accuracy_source: Whose the published accuracies are; empty where there are none.
    """

    timm: str
    entries: tuple[CatalogEntry, ...]
    accuracy_source: str = ""
    _by_name: dict[str, CatalogEntry] = field(init=False, repr=False, compare=False)
    _words: tuple[_Words, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {entry.name: entry for entry in self.entries})
        object.__setattr__(self, "_words", tuple(_Words.of(entry) for entry in self.entries))

    def families(self) -> tuple[str, ...]:
        """Names of all families, in alphabetical order."""
        return tuple(sorted({entry.family for entry in self.entries}, key=str.casefold))

    def search(self, text: str = "", *, family: str | None = None) -> list[CatalogEntry]:
        """Models whose name, family or tags hold every word of ``text``, whatever the case; best matches first.

        A name equal to the text comes first, then names that begin with it, names that hold the words, and all
        others; within these the plain ones (of few parts, with many published weights) come before their variants.
        """
        words = text.casefold().split()
        found = [
            (rank, entry)
            for entry, known in zip(self.entries, self._words, strict=True)
            if (family is None or entry.family == family) and (rank := known.rank(words)) is not None
        ]
        if words:
            found.sort(key=lambda pair: pair[0])
        return [entry for _, entry in found]

    def get(self, name: str) -> CatalogEntry:
        """The model named ``name``; a tag of published weights (``name.tag``) may follow.

        Raises:
            ModelError: There is none; names the closest ones.
        """
        plain, _, tag = name.partition(".")
        entry = self._by_name.get(plain)
        if entry is None:
            raise ModelError(f"timm {self.timm} has no transformer named {name!r}.", action=self._hint(plain))
        if tag and tag not in (weights.tag for weights in entry.weights):
            tags = ", ".join(weights.tag for weights in entry.weights) or "none"
            raise ModelError(f"{plain} has no published weights {tag!r}.", action=f"Published: {tags}.")
        return entry

    def _hint(self, name: str) -> str:
        words = re.sub(r"[\W_]+", " ", name).strip()
        close = [entry.name for entry in self.search(words)[:_CLOSE_MATCHES]] if words else []
        close = close or closest(name, self._by_name, count=_CLOSE_MATCHES)
        return f"Did you mean {', '.join(close)}?" if close else "List the names with: pqv models."


@functools.cache
def load(path: Path | None = None) -> Catalog:
    """The catalogue that comes with the program, read once.

    Raises:
        StorageError: The file, or the one of published accuracies, is missing or damaged.
    """
    path = path or resource("catalog.json")
    published = published_accuracy.load()
    try:
        plain = json.loads(path.read_bytes())
        entries = tuple(_entry(item, published) for item in plain["models"])
        return Catalog(timm=plain["timm"], entries=entries, accuracy_source=published.source)
    except OSError as error:
        raise from_os_error(error, path) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "The model catalogue is damaged.", action="Reinstall PQV-Mobile.", details=f"{path}: {error!r}"
        ) from error


def _cut(name: str, channels: int, heads: int, *numbers: int) -> Cut:
    kind, _, unit = name.partition(" ")
    *figures, count = numbers  # in the order of Cost
    return Cut(kind, channels, heads, Cost(*figures), count, unit)


def _channel(params: int, linear_weights: int, macs: int, conv_weights: int) -> Cost:
    return Cost(params, linear_weights, 0, 0, macs, conv_weights)


def _entry(plain: dict[str, Any], published: PublishedAccuracies) -> CatalogEntry:
    weights = [
        Weights(tag, classes, size, published.by_weights.get(f"{plain['name']}.{tag}", ()))
        for tag, (classes, size) in plain.get("tags", {}).items()
    ]
    vit = plain.get("vit")
    if vit is not None:
        vit = VitShape(**{**vit, "image": tuple(vit["image"]), "patch": tuple(vit["patch"])})
    return CatalogEntry(
        name=plain["name"],
        family=plain["family"],
        architecture=plain["architecture"],
        params=plain["params"],
        macs=plain["macs"],
        input_size=tuple(plain["input"]),
        num_classes=plain["classes"],
        linear_weights=plain["linear"][0],
        linear_outputs=plain["linear"][1],
        linears=plain["linear"][2],
        hub_id=plain.get("hub") or "",
        licence=plain.get("licence", ""),
        weights=tuple(weights),
        vit=vit,
        cuts=tuple(_cut(*row) for row in plain.get("cuts", ())),
        features=plain.get("features", 0),
        conv_weights=plain.get("convs", vit.stem_params if vit is not None else 0),
        contents=Contents(*plain["contents"]) if "contents" in plain else None,
        channel=_channel(*plain.get("channel", (0, 0, 0, 0))),
        uncut=plain.get("uncut", {}),
    )
