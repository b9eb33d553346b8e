"""Whole blocks: an attention and an MLP, each added to the tokens that it reads, so that both can be left out."""

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

import torch
from torch import Tensor, nn

from pqv_core.engine.structure.calls import Call, calls
from pqv_core.engine.structure.widths import Width


class Skipped(nn.Module):
    """Stands where a block was left out. TorchScript compiles it, so it holds nothing that it does not know."""

    def forward(self, x: Tensor, attn_mask: Optional[Tensor] = None, is_causal: bool = False) -> Tensor:  # noqa: UP045
        """The tokens as they are; the rest is what timm gives its blocks."""
        return x


@dataclass(frozen=True)
class Block:
    """A block that can be left out.

    Attributes:
        name: Dotted name in the model.
        widths: Names of all widths that lie in it.
    """

    name: str
    widths: tuple[str, ...]


def blocks(model: nn.Module, widths: Sequence[Width], image: Tensor) -> list[Block]:
    """The blocks that can be left out; never the last one, which may read the class token alone.

    What is found is tried: where its last layers give nothing, a block must give the tokens as they came.

    Args:
        image: Of shape (1, C, H, W).
    """
    found = [
        Block(name, tuple(width.name for width in inside))
        for name, inside in _together(model, widths)
        if {width.kind for width in inside} == {"mlp", "attention"}
    ]
    modules = {block.name: model.get_submodule(block.name) for block in found}
    called = calls(model, modules.values(), image)
    return [block for block in found[:-1] if _passes(modules[block.name], block, called.get(modules[block.name]))]


def leave_out(model: nn.Module, names: Iterable[str]) -> None:
    """Leave out blocks by their names, in place."""
    for name in names:
        owner, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(owner), leaf, Skipped())


def left_out(model: nn.Module) -> tuple[str, ...]:
    """Names of the blocks that were left out."""
    return tuple(name for name, module in model.named_modules() if isinstance(module, Skipped))


def _together(model: nn.Module, widths: Sequence[Width]) -> Iterator[tuple[str, list[Width]]]:
    """Modules of which several widths' own modules are children."""
    names = {module: name for name, module in model.named_modules()}
    inside: dict[str, list[Width]] = defaultdict(list)
    for width in widths:
        inside[names[width.scope].rpartition(".")[0]].append(width)
    for name in names.values():  # in the order of the model
        if name and name in inside:
            yield name, inside[name]


def _passes(module: nn.Module, block: Block, call: Call | None) -> bool:
    """Whether a block that is given tokens alone, and whose last layers are zero, gives them back."""
    (tokens, *others), keywords = call or ((None,), {})
    if not isinstance(tokens, Tensor) or any(other is not None for other in (*others, *keywords.values())):
        return False
    made = copy.deepcopy(module)
    with torch.no_grad():
        for width in block.widths:
            for parameter in made.get_submodule(width.removeprefix(f"{block.name}.")).parameters():
                parameter.zero_()
        given = made(tokens)
    return isinstance(given, Tensor) and given.shape == tokens.shape and torch.allclose(given, tokens)
