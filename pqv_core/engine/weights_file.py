"""Weights that a person brings: ``.safetensors`` or ``.pth``, never run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pqv_core.engine import checkpoint
from pqv_core.errors import ModelError, from_os_error

_WRAPPERS = ("model_ema", "state_dict_ema", "state_dict", "model")  # the averaged weights come first, as in timm
_PREFIXES = ("module.", "_orig_mod.", "model.")


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of ours, with a recipe.

    Raises:
        StorageError: The file cannot be read.
    """
    return path.suffix == ".safetensors" and checkpoint.is_ours(path)


def read(path: Path) -> dict[str, Tensor]:
    """Tensors by name, without the wrappers and prefixes that training scripts add.

    Raises:
        ModelError: The file is damaged, holds code, or holds no tensors.
        StorageError: The file cannot be read.
    """
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise from_os_error(error, path) from error
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    state = _unwrapped(content)
    if not state:
        raise ModelError(
            f"{path.name} holds no weights.", action="Choose a file with a state dict (.safetensors or .pth)."
        )
    return state


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(safetensors.torch.load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path.name} holds more than weights (a pickle with code in it) and was not loaded.",
            action="Save only the state dict, best as .safetensors, and choose that file.",
            details=str(error),
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{path.name} is damaged or is not a weights file.",
        action="Choose a whole .safetensors or .pth file.",
        details=f"{type(error).__name__}: {error}",
    )


def _unwrapped(content: Any) -> dict[str, Tensor]:
    while isinstance(content, dict):
        inner = next((content[name] for name in _WRAPPERS if isinstance(content.get(name), dict)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, dict):
        return {}
    state = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    while prefix := _shared_prefix(state):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _shared_prefix(state: dict[str, Tensor]) -> str:
    return next((prefix for prefix in _PREFIXES if state and all(name.startswith(prefix) for name in state)), "")
