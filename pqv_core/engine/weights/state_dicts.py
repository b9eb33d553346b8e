"""State dicts inside what a training script saved, whatever they are called."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_MAX_DEPTH = 6
_MAX_MAPPINGS = 2000
_MAX_ITEMS = 16  # of a list or tuple
_SHOWN = 80
_UNFOLDED = 16 << 20
_AVERAGED = re.compile(r"ema|averag|swa|shadow|teacher|polyak", re.IGNORECASE)
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")


@dataclass(frozen=True)
class Table:
    """Tensors by name, and where they stood.

    Attributes:
        path: Names of the mappings around it, outermost first.
        others: Names of what is no tensor: a quantized layer's parameters, for one.
    """

    path: tuple[str, ...]
    tensors: dict[str, Tensor]
    others: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How a person finds it in the file; empty for a file that holds nothing else."""
        return ".".join(self.path)

    @property
    def is_averaged(self) -> bool:
        """Whether it is called an average over the training (EMA, SWA, a teacher)."""
        return is_average(self.label)


def is_average(name: str) -> bool:
    """Whether a name is that of averaged weights."""
    return _AVERAGED.search(name) is not None


def find(content: Any) -> list[Table]:
    """Every mapping in ``content`` that holds tensors by name, in the order of the file, outer ones first."""
    return [
        Table(path, tensors, tuple(name for name in mapping if isinstance(name, str) and name not in tensors))
        for path, mapping in _mappings(content)
        if (tensors := _tensors(mapping))
    ]


def _tensors(mapping: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Without what wrappers of modules (compile, FSDP, checkpointing) put into names."""
    return {
        _WRAPPERS.sub("", name): value
        for name, value in mapping.items()
        if isinstance(name, str) and isinstance(value, Tensor) and _is_filled(value)
    }


def _is_filled(tensor: Tensor) -> bool:
    """Whether a tensor holds about as many numbers as its shape says; others unfold to what memory cannot hold."""
    if tensor.is_meta or tensor.layout != torch.strided:
        return True
    claimed = tensor.numel() * tensor.element_size()
    return claimed <= max(_UNFOLDED, tensor.untyped_storage().nbytes())


def _mappings(content: Any) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Breadth first, each once and so many at most, for a pickle may hold itself."""
    waiting: deque[tuple[tuple[str, ...], Any]] = deque([((), content)])
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_MAPPINGS:
        path, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            yield path, value
        if len(path) < _MAX_DEPTH:
            waiting.extend(((*path, str(name)[:_SHOWN]), inner) for name, inner in _inner(value))


def _inner(value: Any) -> Iterator[tuple[Any, Any]]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value[:_MAX_ITEMS])
    return ((name, inner) for name, inner in items if isinstance(inner, Mapping | list | tuple))
