"""Checkpoints: weights and the recipe that rebuilds the architecture, in one safetensors file.

A pruned network is no longer what its name says. The recipe keeps what is different from the model that its
source creates under that name: the shapes of parameters and the plain attributes of modules (``num_heads``,
``in_features``, …). Nothing in it is code, so reading one runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from pqv_core.config.model import Argument, argument_problem
from pqv_core.engine.context import Context
from pqv_core.engine.models import sources, tensorfile
from pqv_core.engine.models.sources import ModelSource
from pqv_core.engine.structure import blocks, forwards
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.errors import ModelError
from pqv_core.models.sources import DEFAULT, SOURCES

FORMAT, _PLAIN_FORM = 2, 1
"""The newest form of recipes, and that of those without ``merging`` and ``left_out``, which earlier versions read."""
_PLAIN = (bool, int, float, str)
_REFUSALS = (
    *(RuntimeError, TypeError, ValueError, AssertionError, LookupError, AttributeError, ArithmeticError, MemoryError),
)  # what sources and torch raise of arguments that do not go together


class Base(BaseModel):
    """A model as its source creates it.

    Attributes:
        source: Key of the source.
    """

    model_config = ConfigDict(frozen=True)

    source: str = DEFAULT
    name: str
    arguments: dict[str, Argument] = {}

    def create(self) -> nn.Module:
        """The model with random weights, in eval mode.

        Raises:
            ModelError: The source does not know the name, or refuses an argument; or it is not known itself.
            PluginError: The source's package cannot be loaded.
        """
        source = self._source()
        try:
            return sources.marked(source.create(self.name, self.arguments), source)
        except _REFUSALS as error:
            raise ModelError(
                f"The model {self.name} cannot be made with these settings: {_first_line(error)}",
                action="Check the model's name and arguments.",
                details=repr(error),
            ) from error

    def published(self, context: Context) -> nn.Module:
        """The model with its published weights, in eval mode.

        Raises:
            ModelError: As ``create``; or there are none, or they cannot be downloaded.
            PluginError: The source's package cannot be loaded.
        """
        source = self._source()
        return sources.marked(source.load_published(self.name, self.arguments, context=context), source)

    def _source(self) -> ModelSource:
        """The source, once it is sure that it may be asked for this."""
        source = sources.source(self.source)
        with SOURCES.blaming(self.source):
            source.require_known(self.name)
        problem = argument_problem(self.arguments, source=self.source)
        if problem:
            raise ModelError(problem, action="Change the model's arguments.")
        return source


class Recipe(BaseModel):
    """How to rebuild an architecture.

    Attributes:
        base: The model that it was made from.
        attributes: By module, the plain attributes that differ from the base's.
        shapes: By parameter or buffer, the shape where it differs from the base's.
        merging: How tokens are merged; None where all are kept.
        left_out: Names of the blocks that pruning left out.
        classes: Names of the classes that the outputs stand for; none where they are not known.
    """

    model_config = ConfigDict(frozen=True)

    format: int = _PLAIN_FORM
    base: Base
    attributes: dict[str, dict[str, Any]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    merging: Merging | None = None
    left_out: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def save(model: nn.Module, path: Path, *, base: Base, classes: Sequence[str] = ()) -> None:
    """Write the weights of ``model`` and the recipe that rebuilds it, whole or not at all.

    Args:
        classes: Names of the classes that the outputs stand for, in their order.

    Raises:
        StorageError: The file cannot be written.
    """
    # A tensor that two names share is written under both, and each reads its own copy.
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    found = recipe(model, base).model_copy(update={"classes": tuple(classes)})
    unused = {name for name in ("merging", "left_out") if not getattr(found, name)}
    tensorfile.write(path, state, found.model_dump(mode="json", exclude=unused))


def recipe(model: nn.Module, base: Base) -> Recipe:
    """What makes ``model`` differ from what its source creates."""
    merging = merged_tokens.merging_of(model)
    gone = blocks.left_out(model)
    fresh = _created(base, merging, gone)
    known = fresh.state_dict()
    shapes = {
        name: tuple(tensor.shape)
        for name, tensor in model.state_dict().items()
        if name not in known or known[name].shape != tensor.shape
    }
    before = dict(fresh.named_modules())
    attributes = {}
    for name, module in model.named_modules():
        other = _attributes(before[name]) if name in before else {}
        changed = {key: value for key, value in _attributes(module).items() if other.get(key) != value}
        if changed:
            attributes[name] = changed
    number = FORMAT if merging is not None or gone else _PLAIN_FORM
    return Recipe(format=number, base=base, attributes=attributes, shapes=shapes, merging=merging, left_out=gone)


def _created(base: Base, merging: Merging | None, left_out: Sequence[str]) -> nn.Module:
    model = base.create()
    blocks.leave_out(model, left_out)
    if merging is not None:
        merged_tokens.merge(model, merging)
    return model


def _attributes(module: nn.Module) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in vars(module).items()
        if not key.startswith("_") and key != "training" and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(item, _PLAIN) for item in value)
    return isinstance(value, _PLAIN)


def read_recipe(path: Path) -> Recipe:
    """The recipe of a checkpoint; no weight is read.

    Raises:
        StorageError: The file is missing or damaged.
        ModelError: It has no recipe, or a newer one.
    """
    return _recipe(tensorfile.facts(path), path)


def _recipe(facts: dict[str, Any], path: Path) -> Recipe:
    try:
        found = Recipe.model_validate(facts)
    except ValidationError as error:
        raise ModelError(
            f"{path.name} contains no description of its model.",
            action="Name its model and pass the file as weights.",
            details=str(error),
        ) from error
    if found.format > FORMAT:
        raise ModelError(f"{path.name} was written by a newer PQV-Mobile.", action="Update PQV-Mobile.")
    return found


def load(path: Path) -> nn.Module:
    """Rebuild the model of a checkpoint, in eval mode on the CPU.

    Raises:
        StorageError: The file is missing or damaged.
        ModelError: Its recipe cannot be followed.
    """
    state, facts = tensorfile.read(path)
    return build(_recipe(facts, path), state, path=path)


def build(found: Recipe, state: dict[str, Tensor], *, path: Path) -> nn.Module:
    """The model of a recipe with the weights ``state``."""
    try:
        model = _created(found.base, found.merging, found.left_out)
        for name, changed in found.attributes.items():
            _set_attributes(model.get_submodule(name), changed)
        for name, shape in found.shapes.items():
            _reshape(model, name, shape)
        for name in _owners(found.shapes):
            forwards.free_head_width(model.get_submodule(name))  # its heads may be as wide as its tokens no more
        model.load_state_dict(state, strict=True)
    except (AttributeError, RuntimeError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path.name} does not fit the model {found.base.name}: {_first_line(error)}",
            action="The file may be damaged or made with another version of "
            f"{SOURCES[found.base.source].label}. Create it again.",
            details=str(error),
        ) from error
    return model.eval()


def _owners(parameters: Iterable[str]) -> set[str]:
    """All modules that parameters lie in, but not the model itself."""
    parts = (name.split(".") for name in parameters)
    return {".".join(part[:depth]) for part in parts for depth in range(1, len(part))}


def _set_attributes(module: nn.Module, changed: dict[str, Any]) -> None:
    known = vars(module)
    for key, value in changed.items():
        if key not in known or not _is_plain(known[key]):
            raise AttributeError(f"{type(module).__name__} has no plain attribute {key!r}")
        kept = tuple(value) if isinstance(known[key], tuple) else value
        if type(kept) is not type(known[key]) and not {type(kept), type(known[key])} <= {int, float}:
            raise TypeError(f"{type(module).__name__}.{key} cannot be {kept!r}")
        setattr(module, key, kept)


def _reshape(model: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    owner_name, _, leaf = name.rpartition(".")
    owner = model.get_submodule(owner_name)
    old = getattr(owner, leaf)
    if isinstance(old, nn.Parameter):
        setattr(owner, leaf, nn.Parameter(torch.empty(shape, dtype=old.dtype), requires_grad=old.requires_grad))
    else:
        owner.register_buffer(leaf, torch.empty(shape, dtype=old.dtype))


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text[:200] + "…" if len(text) > 200 else text) or "they do not go together"
