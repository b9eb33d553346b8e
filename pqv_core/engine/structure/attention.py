"""Attention: whole heads, or some channels of each. Where they are says ``attention_rows``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from timm.layers.pos_embed_sincos import RotaryEmbeddingMixed
from torch import Tensor, nn

from pqv_core.config.prune import AttentionUnit
from pqv_core.engine.structure import forwards
from pqv_core.engine.structure.attention_rows import POSITIONS, ROWS, AttentionRow
from pqv_core.engine.structure.widths import Part, Width


def widths(model: nn.Module, unit: AttentionUnit) -> Iterator[Width]:
    """The widths of a model's attentions, in ``unit`` where they can be cut so, else in the other."""
    for attention in attentions(model):
        yield attention.width(unit if unit in attention.units else attention.units[0])


def attentions(model: nn.Module) -> Iterator[Heads]:
    """Everything in a model that has heads that can be cut."""
    by_head = any(isinstance(module, RotaryEmbeddingMixed) for module in model.modules())
    for name, module in model.named_modules():
        kind = forwards.timm_class(type(module))
        row = ROWS.get(f"{kind.__module__.removeprefix('timm.')}.{kind.__name__}")
        if row is None or not row.holds(module) or (by_head and hasattr(module, "num_prefix_tokens")):
            continue  # positions that turn each head in its own way are made for all blocks in one place
        heads = Heads(name, module, row)
        if heads.units:
            yield heads


class Heads:
    """The heads of one attention.

    Attributes:
        units: In what they can be cut; in channels only where values have as many as queries and keys.
        tables: Parameters with entries for each head.
    """

    def __init__(self, name: str, module: nn.Module, row: AttentionRow) -> None:
        self._name, self._row = name, row
        self._module: Any = module
        self._heads: int = getattr(module, row.heads)
        self._proj: Any = module.get_submodule(row.proj)
        self._channels = module.get_parameter(f"{row.proj}.weight").shape[1]
        self._dim = self._channels // self._heads
        alike = all(len(layer.weight) % (sets * self._channels) == 0 for layer, sets in self._inputs())
        either: tuple[tuple[AttentionUnit, bool], ...] = (("width", row.narrow and alike), ("heads", row.whole(module)))
        self.units = tuple(unit for unit, possible in either if possible)

    @property
    def tables(self) -> list[nn.Parameter]:
        """Parameters with entries for each head, apart from those of the layers."""
        return [getattr(owner, leaf) for owner, leaf, _ in self._tables()]

    def width(self, unit: AttentionUnit) -> Width:
        """The inputs of the projection: the heads' values, and their queries and keys with them."""
        alike = self._row.interleaved or bool(list(self._norms()))
        whole = unit == "heads"
        return Width(
            kind="attention",
            name=f"{self._name}.{self._row.proj}",
            scope=self._module,
            root=self._proj,
            side="in",
            channels=self._channels,
            unit="heads" if whole else "inside heads alike" if alike else "inside heads",
            heads=self._heads,
            parts=tuple(self._parts()),
            after=self._drop if whole else self._narrow,
        )

    def _parts(self) -> Iterator[Part]:
        every = torch.arange(self._channels)
        columns = every.view(self._dim, self._heads).T.flatten() if self._row.interleaved else every
        yield Part(self._proj, "in", columns, every)
        for layer, sets in self._inputs():
            rows = torch.arange(len(layer.weight))
            wide = len(rows) // (sets * self._heads)  # where a head has more than its values, all channels share it
            yield Part(layer, "out", rows, rows // wide % self._heads * self._dim + rows % wide % self._dim)

    def _inputs(self) -> Iterator[tuple[Any, int]]:
        together = bool(self._row.packed) and getattr(self._module, self._row.packed)
        for name, sets in self._row.inputs:
            owner, leaf = _place(self._module, name)
            if getattr(owner, leaf, None) is not None:
                yield getattr(owner, leaf), 1 if together else sets

    def _norms(self) -> Iterator[Any]:
        for name in self._row.norms:
            norm = getattr(self._module, name)
            if not isinstance(norm, nn.Identity):
                yield norm

    def _tables(self) -> Iterator[tuple[nn.Module, str, int]]:
        """Where entries for each head are: owner, name, dimension."""
        for name, dimension in self._row.by_head:
            yield from _existing(self._module, name, dimension)
        for place in self._row.positions:
            positions = getattr(self._module, place)
            if positions is not None:
                for name, dimension in POSITIONS[type(positions).__name__][0]:
                    yield from _existing(positions, name, dimension)

    def _drop(self, cut: list[int]) -> None:
        """Put right what is no layer, and what counts the heads."""
        gone = {channel // self._dim for channel in cut}
        kept = [head for head in range(self._heads) if head not in gone]
        for owner, leaf, dimension in self._tables():
            _keep(owner, leaf, kept, dimension)
        for place in self._row.positions:
            _recount(getattr(self._module, place), len(kept))
        setattr(self._module, self._row.heads, len(kept))
        self._follow(cut, len(kept), self._heads)

    def _narrow(self, cut: list[int]) -> None:
        """Put right what the head's width decides.

        The products of queries and keys stay scaled as they were trained. Fused attention always divides by √width, so
        the difference goes into the queries: into their norm's weights where there is one, else into their own.
        """
        kept = self._dim - len(cut) // self._heads
        for name in self._row.head_width:
            setattr(self._module, name, kept)
        norms = list(self._norms())
        remaining = [index for index in range(self._dim) if index not in set(cut)]
        for norm in norms:
            for leaf, _ in list(norm.named_parameters(recurse=False)):
                _keep(norm, leaf, remaining, 0)
        self._follow(cut, kept, self._dim)
        if hasattr(self._module, "scale"):
            self._module.scale = kept**-0.5
            self._scale_queries((kept / self._dim) ** 0.5, norms, kept)

    def _follow(self, cut: list[int], after: int, before: int) -> None:
        """What both ways have in common."""
        gone = set(cut)
        kept = [channel for channel in range(self._channels) if channel not in gone]
        for name in self._row.by_channel:
            for owner, leaf, _ in _existing(self._module, name, 0):
                _keep(owner, leaf, kept, 0)
        for name in self._row.all_heads:
            setattr(self._module, name, getattr(self._module, name) // before * after)
        if hasattr(self._module, "attention_bias_cache"):
            self._module.attention_bias_cache = {}
        # timm's forward takes the heads' width from the tokens, which is true no more.
        forwards.free_head_width(self._module)

    @torch.no_grad()
    def _scale_queries(self, factor: float, norms: list[Any], dim: int) -> None:
        if norms:
            for parameter in norms[0].parameters():
                parameter *= factor
            return
        layer, sets = next(self._inputs())
        rows = torch.arange(len(layer.weight))
        wide = len(rows) // (sets * self._heads)
        queries = (rows < wide * self._heads) & (rows % wide < dim)
        for tensor in (layer.weight, layer.bias):
            if tensor is not None:
                tensor[queries] *= factor
        for owner, leaf, _ in _existing(self._module, "q_bias", 0):
            getattr(owner, leaf).mul_(factor)


def _place(module: nn.Module, name: str) -> tuple[Any, str]:
    """The module that holds what is named, and its last name."""
    owner, _, leaf = name.rpartition(".")
    return module.get_submodule(owner), leaf


def _existing(module: nn.Module, name: str, dimension: int) -> Iterator[tuple[Any, str, int]]:
    owner, leaf = _place(module, name) if module is not None else (None, "")
    if isinstance(getattr(owner, leaf, None), Tensor):
        yield owner, leaf, dimension


def _keep(owner: Any, leaf: str, kept: list[int], dimension: int) -> None:
    """Keep some entries of a parameter or buffer along a dimension, and let its layer say so."""
    old = getattr(owner, leaf)
    new = old.detach().index_select(dimension, torch.tensor(kept, device=old.device)).contiguous()
    if isinstance(old, nn.Parameter):
        setattr(owner, leaf, nn.Parameter(new, requires_grad=old.requires_grad))
    else:
        owner.register_buffer(leaf, new)  # and stored: a fresh model has it in another size
    if isinstance(owner, nn.Linear):
        owner.out_features, owner.in_features = owner.weight.shape[0], owner.weight.shape[1]
    elif isinstance(owner, nn.Conv2d):
        owner.out_channels, owner.in_channels = owner.weight.shape[0], owner.weight.shape[1]
    elif hasattr(owner, "normalized_shape"):
        owner.normalized_shape = tuple(owner.weight.shape)


def _recount(positions: Any, heads: int) -> None:
    """Let a table of relative positions know its number of heads."""
    if positions is None:
        return
    axis = POSITIONS[type(positions).__name__][1]
    shape = list(positions.bias_shape)
    shape[axis] = heads
    positions.bias_shape = tuple(shape)
    if hasattr(positions, "num_heads"):
        positions.num_heads = heads
