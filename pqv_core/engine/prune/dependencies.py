"""Which layers depend on which channels: torch-pruning's dependency graph (Fang et al. 2023), scope by scope.

A graph of a whole network can take minutes, or for ever. What depends on a hidden width lies inside its own block,
so the graph is traced there, on the inputs that the block gets inside the model.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch_pruning as tp
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.prune.deadline import OutOfTime, deadline
from pqv_core.engine.structure import Part, Width
from pqv_core.engine.structure.calls import Call, calls
from pqv_core.errors import PruneError

_SEARCH_S = 60.0  # of processor time, however busy the machine is; a whole ViT-B takes 5 s on a slow one
_CUT = {
    (nn.Linear, "in"): tp.prune_linear_in_channels,
    (nn.Linear, "out"): tp.prune_linear_out_channels,
    (nn.Conv2d, "in"): tp.prune_conv_in_channels,
    (nn.Conv2d, "out"): tp.prune_conv_out_channels,
}


_ROWS = {
    tp.prune_linear_out_channels,
    tp.prune_conv_out_channels,
    tp.prune_depthwise_conv_out_channels,
    tp.prune_batchnorm_out_channels,
    tp.prune_layernorm_out_channels,
}
_COLUMNS = {tp.prune_linear_in_channels, tp.prune_conv_in_channels}


@dataclass(frozen=True)
class Slices:
    """What of one weight depends on the channels of a width.

    Attributes:
        dimension: Of the weight: 0 for rows, 1 for columns.
        indices: Rows or columns, int64.
        channels: The channel of the width that each belongs to, int64.
    """

    weight: nn.Parameter
    dimension: int
    indices: Tensor
    channels: Tensor

    def added(self, values: Tensor, to: Tensor) -> Tensor:
        """``to``, of shape (channels,), plus what ``values``, of the weight's shape, sum up to in each channel."""
        rows = values.movedim(self.dimension, 0)
        sums = rows.reshape(len(rows), -1).sum(1)  # of a norm a row is one number
        return to.index_add(0, self.channels.to(to.device), sums[self.indices.to(sums.device)])


class Dependencies:
    """The groups of a model's widths.

    Args:
        model: In eval mode.
        shape: Of one batch of images.

    Raises:
        PruneError: The search does not end, or a layer cannot be followed.
        Cancelled: The end was asked for.
    """

    def __init__(self, model: nn.Module, widths: Iterable[Width], *, shape: tuple[int, ...], context: Context) -> None:
        scopes = {width.scope: width.name for width in widths if not width.parts}
        called = calls(model, scopes, torch.zeros(shape)) if scopes else {}
        self._graphs: dict[nn.Module, Any] = {}
        limit = deadline(_SEARCH_S, check=context.check_cancelled, clock=time.thread_time)
        with limit, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # which parameters belong to no layer is no news
            for scope, name in scopes.items():
                self._graphs[scope] = _graph(scope, called[scope], name)

    def group(self, width: Width, indices: list[int]) -> Any:
        """Everything that must be cut with ``indices`` of ``width``, apart from what the width cuts itself."""
        if width.parts:
            return known_group(width.parts, indices)
        kind = nn.Conv2d if isinstance(width.root, nn.Conv2d) else nn.Linear
        group = self._graphs[width.scope].get_pruning_group(width.root, _CUT[kind, width.side], idxs=indices)
        if width.separate:
            group._group = [item for item in group._group if item.dep.layer not in width.separate]
        return group

    def slices(self, width: Width) -> list[Slices]:
        """All weights that depend on a width."""
        return slices(self.group(width, list(range(width.channels))))


def slices(group: Any) -> list[Slices]:
    """The weights of a ``torch_pruning`` group; biases, which cost nothing to keep, are left out."""
    found = []
    for item in group:
        weight = getattr(item.dep.layer, "weight", None)
        roots = item.root_idxs
        rows = item.dep.pruning_fn in _ROWS
        if not isinstance(weight, nn.Parameter) or not (rows or item.dep.pruning_fn in _COLUMNS):
            continue
        if not roots or None in roots or max(item.idxs) >= weight.shape[0 if rows else 1]:
            continue  # of a grouped convolution the columns are shared by channels
        found.append(Slices(weight, 0 if rows else 1, torch.tensor(item.idxs), torch.tensor(roots)))
    return found


def known_group(parts: Iterable[Part], indices: list[int]) -> Any:
    """A group of torch-pruning, of what is known to belong to channels ``indices``."""
    group: Any = tp.dependency.Group()
    cut = torch.tensor(indices, dtype=torch.int64)
    for part in parts:
        node = tp.dependency.Node(part.layer, None)
        function = _function(part)
        mine = torch.isin(part.channels, cut)
        group.add_dep(tp.dependency.Dependency(function, function, node, node), part.indices[mine].tolist())
        group[len(group) - 1].root_idxs = part.channels[mine].tolist()
    return group


def _function(part: Part) -> Any:
    """How torch-pruning cuts that side of a layer."""
    layer = part.layer
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return tp.prune_batchnorm_out_channels
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return tp.prune_depthwise_conv_out_channels
    return _CUT[nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.Linear, part.side]


def _graph(scope: nn.Module, call: Call | None, name: str) -> Any:
    if call is None:
        raise PruneError(f"{name} does not affect the model's output.", action="Choose another model.")
    arguments, keywords = call
    try:
        # fresh dicts: the defaults are shared between calls and written into
        return tp.DependencyGraph().build_dependency(
            scope, example_inputs=arguments, forward_fn=lambda module, inputs: module(*inputs, **keywords)
        )
    except OutOfTime as error:
        raise PruneError(
            f"The dependencies of {name} were not found within {_SEARCH_S:.0f} seconds.",
            action="Choose another model, or turn pruning off and only quantize it.",
        ) from error
