"""What a ``.ptl`` stores besides a model's parameters, counted on the meta device: nothing is computed or exported.

Freezing a model computes everything that does not depend on the image: tables of positions are expanded, and norms
behind convolutions go into these. So a file holds the constants that meet the image, not those that they came from.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pqv_core.engine.transforms.position_tables import make_tables

_SHARED_BYTES = 16_384  # as in pqv_core.engine.transforms.position_tables

# Where TorchScript leaves tables and indices as they are and expands them while running, because they might change
# (a cache, an index that is passed on): by timm's module, in fp32 and fp16, and in int8. Found by comparing files of
# models whose tables are not all zero.
KEEPS_TABLES: dict[str, tuple[bool, bool]] = {
    "beit": (True, False),
    "convit": (True, True),
    "efficientformer": (True, True),
    "efficientformer_v2": (True, True),
    "efficientvit_msra": (True, True),
    "levit": (True, True),
    "naflexvit": (True, True),
    "swin_transformer_v2": (True, True),
    "tiny_vit": (True, True),
}


def contents(model: nn.Module, size: tuple[int, int, int]) -> list[int]:
    """What files of ``model``, which lies on the meta device, hold.

    Args:
        size: Channels, height and width of an image.

    Returns:
        Bytes of constants in fp32, fp16 and int8 beyond those of the parameters; number of constants; of operators; of
        constants that fp16 files have more.

    Raises:
        RuntimeError: The model does not run on the meta device.
        NotImplementedError: An operator does not exist there.
    """
    keeps = KEEPS_TABLES.get(type(model).__module__.rpartition(".")[2], (False, False))
    runs = {kept: _run(model, size, folds_tables=not kept) for kept in set(keeps)}
    floating, packed = runs[keeps[0]], runs[keeps[1]]
    parameters = sum(parameter.nbytes for parameter in model.parameters())
    return [
        floating.stored(folds_norms=True) - parameters,
        floating.stored(folds_norms=False) - parameters,  # weights that are widened while running take no norm
        packed.stored(folds_norms=True) - parameters,
        len(floating.met) + floating.biases,
        floating.operators,
        floating.norms - floating.biases,
    ]


def _run(model: nn.Module, size: tuple[int, int, int], *, folds_tables: bool) -> _Meetings:
    model = copy.deepcopy(model)  # an answer fills caches
    make_tables(model)
    image = torch.empty(1, *size, device="meta")
    meetings = _Meetings(image, _tables(model), folds_tables=folds_tables)
    with torch.no_grad(), meetings:
        model(image)
    return meetings


class _Meetings(TorchDispatchMode):
    """Follows what depends on the image, and notes each constant that meets it.

    What is made from nothing (a range, zeros) mostly takes its size from the image, and counts as such.
    """

    def __init__(self, image: Tensor, tables: dict[int, object], *, folds_tables: bool) -> None:
        super().__init__()
        self._tables, self._folds_tables = tables, folds_tables
        self._variable = {_place(image)}
        self._convolved: dict[int, bool] = {}  # by place of a result: whether the convolution has a bias
        self._alive: list[Tensor] = [image]  # so that no place is used again
        self._norms: dict[int, int] = {}
        self._bias_bytes = 0
        self.biases = 0
        self.met: dict[object, int] = {}
        self.operators = 0

    @property
    def norms(self) -> int:
        """Constants of norms behind convolutions."""
        return len(self._norms)

    def stored(self, *, folds_norms: bool) -> int:
        """Bytes of all constants, with the norms behind convolutions in them or beside them."""
        return sum(self.met.values()) + (self._bias_bytes if folds_norms else sum(self._norms.values()))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given, made = _tensors((args, kwargs)), _tensors(result)
        self._alive += made
        constants = [tensor for tensor in given if _place(tensor) not in self._variable]
        if len(constants) == len(given) > 0 and (self._folds_tables or _is_view(given, made)):
            return result
        self._note(func.name(), given, constants)
        self.operators += not _is_view(given, made)
        self._variable.update(map(_place, made))
        if "convolution" in func.name():
            self._convolved[_place(made[0])] = any(tensor.dim() == 1 for tensor in constants)
        return result

    def _note(self, operator: str, given: list[Tensor], constants: list[Tensor]) -> None:
        if "batch_norm" in operator and _place(given[0]) in self._convolved:
            self._norms.update((_place(tensor), _bytes(tensor)) for tensor in constants)
            if not self._convolved[_place(given[0])]:
                self._bias_bytes += constants[0].nbytes
                self.biases += 1
            return
        for tensor in constants:
            self.met[self._tables.get(_place(tensor), _place(tensor))] = _bytes(tensor)


def _tables(model: nn.Module) -> dict[int, object]:
    """By place, what large tables of the same form have in common: they hold the same, and are stored once."""
    held = [value for module in model.modules() for value in (*module.buffers(recurse=False), *vars(module).values())]
    tables = [value for value in held if isinstance(value, Tensor) and value.nbytes >= _SHARED_BYTES]
    return {_place(table): (table.dtype, table.shape) for table in tables}


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _bytes(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes()


def _is_view(given: list[Tensor], made: list[Tensor]) -> bool:
    return bool(given and made) and _place(given[0]) == _place(made[0])
