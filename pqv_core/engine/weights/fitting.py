"""Weights that a person brings, put into a model: what fits, what is new, what is left over, and what is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.weights import offers, reading, refusals, state_dicts
from pqv_core.engine.weights.offers import Offer
from pqv_core.errors import ModelError

_NAMED = 4
_COMPUTED = re.compile(
    r"(^|\.)(relative_position_index|relative_coords_table|attn_mask|num_batches_tracked|n_averaged|position_ids"
    r"|total_ops|total_params)$"
)
_ONE_OF_SEVERAL = re.compile(r"-\d{5}-of-(\d{5})$")  # as Hugging Face's libraries name them
_POOLED = "fc_norm."  # the norm of averaged tokens belongs to the head
_TOKENS = frozenset({"cls_token", "dist_token", "reg_token", "register_tokens", "pos_embed", "norm_pre"})


def load(path: Path, model: nn.Module, *, context: Context) -> None:
    """Load the weights in a file into ``model``; a head that it lacks, or has for other classes, stays new.

    Raises:
        ModelError: The file holds no weights, or they do not fit, or it is another kind of file.
        StorageError: It cannot be read.
    """
    put(reading.read(path), model, path=path, context=context)


def put(content: Any, model: nn.Module, *, path: Path, context: Context) -> None:
    """Load what was read from ``path``, whatever mappings and prefixes are around it.

    Raises:
        ModelError: It holds no weights, or they do not fit.
    """
    found = state_dicts.find(content)
    offer, equals = _chosen(found, model, path)
    match = _matched(offer, model)
    problems = match.problems(offer.state, model.state_dict())
    if problems:
        names = [name for table in found for name in (*table.tensors, *table.others)]
        raise refusals.by_names(path, names) or _misfit(path, problems)
    used = {name: offer.state[name] for name in match.used}
    refused = refusals.by_values(path, used, model.state_dict())
    if refused is not None:
        raise refused
    _say(path, offer, equals, match, model, context)
    model.load_state_dict(used, strict=False)


def outputs(path: Path, model: nn.Module) -> int | None:
    """How many classes the head in a file tells apart; None where it has none.

    Args:
        model: Of the kind that the weights belong to, with any head.

    Raises:
        ModelError: The file holds no weights, or is another kind of file.
        StorageError: It cannot be read.
    """
    offer, _ = _chosen(state_dicts.find(reading.read(path)), model, path)
    first = next(iter(offers.classifiers(model)), "")
    bias = offer.state.get(f"{first}.bias")
    return len(bias) if bias is not None and bias.ndim == 1 else None


def new_head(classes: Any) -> str:
    """The warning that a head knows nothing."""
    return f"The model's head is new ({classes} classes) and must be trained."


def _chosen(found: list[state_dicts.Table], model: nn.Module, path: Path) -> tuple[Offer, tuple[Offer, ...]]:
    if not found:
        raise ModelError(
            f"{path.name} holds no weights.",
            action="Choose a file with a state dict (.safetensors, or .pth as torch.save writes it).",
        )
    return offers.best(found, model)


@dataclass(frozen=True)
class _Match:
    """The names of an offer and of a model, compared.

    Attributes:
        used: In both, in one shape.
        shapes: In both, in different shapes.
        absent: The model's alone.
        astray: The offer's alone, but inside a layer of the model: another architecture.
        left_over: The offer's alone, beside all that the model has.
        new: The model's layers that stay new: its head.
    """

    used: tuple[str, ...]
    shapes: tuple[str, ...]
    absent: tuple[str, ...]
    astray: tuple[str, ...]
    left_over: tuple[str, ...]
    new: tuple[str, ...]

    def problems(self, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
        """Why the offer does not fit, what is most telling first."""
        found = [
            *(f"{name} is {_shape(state[name])} instead of {_shape(wanted[name])}" for name in self.shapes),
            *(f"{name} is missing" for name in self.absent),
            *(f"{name} is unknown" for name in self.astray),
        ]
        return found + [f"{name} is unknown" for name in self.left_over] if found else []


def _matched(offer: Offer, model: nn.Module) -> _Match:
    state, wanted = offer.state, model.state_dict()
    heads = tuple(f"{name}." for name in offers.classifiers(model))
    other = [name for name in state if name in wanted and state[name].shape != wanted[name].shape]
    absent = [name for name in wanted if name not in state and not _COMPUTED.search(name)]
    new = heads if any(name.startswith(heads) for name in other) else _lacking(heads, absent)
    if new and not any(name.startswith(_POOLED) for name in state):
        new = (*new, _POOLED)
    extra = [name for name in state if name not in wanted and not _COMPUTED.search(name)]
    roots = {name.partition(".")[0] for name in wanted if not name.startswith(heads)} | _TOKENS
    astray = [name for name in extra if name.partition(".")[0] in roots]
    return _Match(
        used=tuple(n for n in wanted if n in state and n not in other and not (new and n.startswith(new))),
        shapes=tuple(name for name in other if not name.startswith(heads)),
        absent=tuple(name for name in absent if not (new and name.startswith(new))),
        astray=tuple(astray),
        left_over=tuple(name for name in extra if name not in astray),
        new=new,
    )


def _lacking(heads: tuple[str, ...], absent: Iterable[str]) -> tuple[str, ...]:
    missing = list(absent)
    return tuple(head for head in heads if any(name.startswith(head) for name in missing))


def _say(
    path: Path, offer: Offer, equals: tuple[Offer, ...], match: _Match, model: nn.Module, context: Context
) -> None:
    """Which weights were taken, in which numbers they were kept, and what was left over."""
    label = f" of “{offer.table.label}”" if offer.table.label else ""
    prefix = f", without the prefix “{offer.prefix}”" if offer.prefix else ""
    library = f", under the names of {offer.library}" if offer.library else ""
    context.log(f"{path.name}: {len(match.used)} tensors{label} used{prefix}{library}.")
    if equals and equals[0].table.label != offer.table.label:
        others = ", ".join(f"“{other.table.label or 'the rest'}”" for other in equals)
        why = "averaged weights come first" if offer.is_averaged else "the first is used"
        context.log(f"{others} could be used as well; {why}.")
    _say_numbers(path, offer, match, model, context)
    if offer.head:
        context.log(f"The head is “{offer.head}” in the file.")
    if offer.outside:
        context.log(f"Ignored: {_listed(offer.outside)}.")
    if match.left_over:
        context.warn(f"{path.name} contains tensors this model does not use: {_listed(match.left_over)}.")
    if offer.warning:
        context.warn(offer.warning)
    if match.new:
        context.warn(new_head(getattr(model, "num_classes", "other")))


def _say_numbers(path: Path, offer: Offer, match: _Match, model: nn.Module, context: Context) -> None:
    wanted = model.state_dict()
    kinds = Counter(
        str(offer.state[name].dtype).removeprefix("torch.")
        for name in match.used
        if offer.state[name].dtype != wanted[name].dtype and wanted[name].is_floating_point()
    )
    for kind, count in kinds.items():
        context.log(f"{path.name}: {count} tensors are {kind} in the file and converted to float32.")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(name[:80] for name in names[:_NAMED])
    count = f"{len(names):,} tensor{'s' if len(names) > 1 else ''}"
    return f"{count} ({shown}{', …' if len(names) > _NAMED else ''})"


def _shape(tensor: Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a number"


def _misfit(path: Path, problems: list[str]) -> ModelError:
    shown = "; ".join(re.sub(r"\s+", " ", problem)[:160] for problem in problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    several = _ONE_OF_SEVERAL.search(path.stem)
    return ModelError(
        f"{path.name} does not fit this model: {shown}{more}.",
        action=f"It seems to be one of {int(several[1])} files: put the others and their index (.index.json) beside it."
        if several and int(several[1]) > 1
        else "Choose the model (and its arguments) that these weights belong to.",
        details="\n".join(problems[:200]),
    )
