"""Random weights of a model, the same for everybody who measures it."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from safetensors.torch import save_file


def weights(model: str, folder: Path) -> Path:
    """The file of a timm model's weights in ``folder``; drawn once."""
    file = folder / "weights.safetensors"
    if not file.is_file():
        torch.manual_seed(0)
        save_file(timm.create_model(model).state_dict(), file)
    return file
