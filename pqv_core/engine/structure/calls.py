"""What modules inside a model are called with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

Call = tuple[tuple[Any, ...], dict[str, Any]]


def calls(model: nn.Module, scopes: Iterable[nn.Module], images: Tensor) -> dict[nn.Module, Call]:
    """The arguments that each scope gets from the model, the first time."""
    found: dict[nn.Module, Call] = {}

    def note(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        found.setdefault(module, (arguments, keywords))

    hooks = [scope.register_forward_pre_hook(note, with_kwargs=True) for scope in scopes]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found
