"""What each table of a file offers a model: under which prefix, by whose names, and how much of it fits."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from pqv_core.engine.models import sources
from pqv_core.engine.models.sources import ModelSource
from pqv_core.engine.weights import state_dicts
from pqv_core.engine.weights.state_dicts import Table

_TRIED = 4  # tables that are adapted whole; names and shapes rank them before
_MAX_LEVELS = 12
_MAX_LETTERS = 400


@dataclass(frozen=True)
class Offer:
    """The tensors of a table, as a model would take them.

    Attributes:
        whole: All of the table under the names of the model's source.
        state: Of these what has the prefix, without it, adapted to the model's shapes where that can be done.
        prefix: What stood before the names of ``state``.
        library: Whose names they had; empty for the source's.
        outside: Names of the table that do not begin with the prefix.
        fitting: How many of the model's tensors are there in their shapes.
        head: Under which name the head stood, where it is another than the model's; else empty.
        warning: That the first layer was made for other channels of the input; empty where it was not.
    """

    table: Table
    whole: dict[str, Tensor]
    state: dict[str, Tensor]
    prefix: str
    library: str
    outside: tuple[str, ...]
    fitting: int
    head: str = ""
    warning: str = ""

    @property
    def is_averaged(self) -> bool:
        """Whether the weights are called an average over the training."""
        return self.table.is_averaged or state_dicts.is_average(self.prefix)


def best(found: Sequence[Table], model: nn.Module) -> tuple[Offer, tuple[Offer, ...]]:
    """The offer that fits ``model`` best, and others that fit as well; averaged weights come first.

    Args:
        found: At least one table.
    """
    source, wanted = sources.of(model), model.state_dict()
    named = [_named(table, source, wanted) for table in found]
    named.sort(key=lambda offer: (offer.fitting, offer.is_averaged), reverse=True)  # stable: outer tables first
    offers = sorted(
        (_adapted(offer, model, wanted) for offer in named[:_TRIED]),
        key=lambda offer: (offer.fitting, offer.is_averaged),
        reverse=True,
    )
    return offers[0], tuple(offer for offer in offers[1:] if offer.fitting == offers[0].fitting > 0)


def classifiers(model: nn.Module) -> tuple[str, ...]:
    """Names of the layers that give the classes."""
    return sources.of(model).classifiers(model)


def _named(table: Table, source: ModelSource, wanted: Mapping[str, Tensor]) -> Offer:
    """A table under the source's names, without the prefix that most of what the model wants has."""
    whole, library = source.renamed(table.tensors)
    prefix = _prefix(whole, wanted)
    inside = {name.removeprefix(prefix): tensor for name, tensor in whole.items() if name.startswith(prefix)}
    outside = tuple(name for name in whole if not name.startswith(prefix))
    return Offer(table, whole, inside, prefix, library, outside, _fitting(inside, wanted))


def _prefix(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    votes: Counter[str] = Counter()
    for name, tensor in state.items():
        for prefix in _prefixes(name):
            target = wanted.get(name[len(prefix) :])
            if target is not None:
                votes[prefix] += 2 if target.shape == tensor.shape else 1
    return max(votes, key=lambda prefix: (votes[prefix], state_dicts.is_average(prefix)), default="")


def _prefixes(name: str) -> Iterator[str]:
    yield ""
    if len(name) <= _MAX_LETTERS:
        yield from (name[: dot.end()] for dot, _ in zip(re.finditer(r"\.", name), range(_MAX_LEVELS), strict=False))


def _adapted(offer: Offer, model: nn.Module, wanted: Mapping[str, Tensor]) -> Offer:
    """With a head from further out, and by the source's own conversion of other programs' weights and other sizes."""
    head = _outer_head(offer, model)
    inside = offer.state | head
    taken = {f"{outer}{name}" for outer in _outer(offer.prefix) for name in head}
    named = _head_named_otherwise(offer, inside, model, wanted)
    for leaf in _LEAVES if named else ():
        taken.add(f"{named}.{leaf}")
        inside.pop(f"{named}.{leaf}".removeprefix(offer.prefix), None)
        inside[f"{classifiers(model)[0]}.{leaf}"] = offer.whole[f"{named}.{leaf}"]
    outside = tuple(name for name in offer.outside if name not in taken)
    known = {name: tensor for name, tensor in inside.items() if name in wanted}
    unknown = {name: tensor for name, tensor in inside.items() if name not in wanted}
    ways = (
        (_converted(inside, model), outside),
        (inside, outside),
        (_converted(known, model) | unknown, outside),  # what else there is may be more than a filter can take
        (_converted(offer.whole, model), ()),
    )
    state, outside = max(ways, key=lambda way: _fitting(way[0], wanted))
    state, warning = sources.of(model).with_channels(state, model)
    fits = _fitting(state, wanted)
    return dataclasses.replace(offer, state=state, outside=outside, fitting=fits, head=named, warning=warning)


def _outer(prefix: str) -> list[str]:
    """The prefixes around ``prefix``, nearest first: ``a.`` and nothing for ``a.b.``."""
    levels = prefix.split(".")[:-1]
    return ["".join(f"{level}." for level in levels[:count]) for count in range(len(levels) - 1, -1, -1)]


def _outer_head(offer: Offer, model: nn.Module) -> dict[str, Tensor]:
    """The head that stands beside a backbone, under the same name as in the model."""
    found: dict[str, Tensor] = {}
    for classifier in classifiers(model):
        for name in {classifier, classifier.removesuffix(".fc")}:  # timm renames Swin's itself
            for leaf in (f"{name}.weight", f"{name}.bias"):
                place = next((outer + leaf for outer in _outer(offer.prefix) if outer + leaf in offer.whole), None)
                if place is not None and leaf not in offer.state:
                    found[leaf] = offer.whole[place]
    return found


_LEAVES = ("weight", "bias")
_HEAD = re.compile(r"(?:.*\.)?(?:head|heads|fc|classifier|cls_head|linear)(?:\.\w+)?")


def _head_named_otherwise(
    offer: Offer, inside: Mapping[str, Tensor], model: nn.Module, wanted: Mapping[str, Tensor]
) -> str:
    """A head called otherwise than the model's (``fc``, ``head.1``), where just one layer of its shapes can be it."""
    if len(classifiers(model)) != 1:
        return ""
    name = classifiers(model)[0]
    if {f"{name}.weight", f"{name.removesuffix('.fc')}.weight"} & inside.keys():
        return ""
    shapes = [tensor.shape if (tensor := wanted.get(f"{name}.{leaf}")) is not None else None for leaf in _LEAVES]
    found = [
        other
        for other in (key.removesuffix(".weight") for key in offer.whole if key.endswith(".weight"))
        if _HEAD.fullmatch(other)
        and [getattr(offer.whole.get(f"{other}.{leaf}"), "shape", None) for leaf in _LEAVES] == shapes
    ]
    return found[0] if len(found) == 1 else ""


def _converted(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """As the source converts them; empty where it cannot take them."""
    try:
        return sources.of(model).converted(state, model)
    except (RuntimeError, LookupError, ValueError, AssertionError, AttributeError, TypeError, ArithmeticError):
        return {}


def _fitting(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> int:
    return sum(name in state and state[name].shape == tensor.shape for name, tensor in wanted.items())
