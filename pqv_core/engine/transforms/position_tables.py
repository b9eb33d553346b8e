"""Tables of positions: made before a model is written, and kept once where all blocks have the same.

Windowed and relative attention give each block its own table of positions, built from sizes that all blocks share
(BEiT, ConViT, Swin). A file stores each tensor that is an object of its own.
"""

from __future__ import annotations

import torch
from timm.models.convit import GPSA
from torch import Tensor, nn

_NOTABLE_BYTES = 16_384


def share_equal_tables(model: nn.Module) -> None:
    """Make large buffers and tensors of ``model`` that hold the same values one tensor, in place; no parameters."""
    known: dict[tuple[object, ...], list[Tensor]] = {}
    for module in model.modules():
        for place in (module._buffers, vars(module)):
            for name, tensor in place.items():
                if isinstance(tensor, Tensor) and tensor.nbytes >= _NOTABLE_BYTES:
                    alike = known.setdefault((tensor.dtype, tensor.shape, tensor.stride()), [])
                    same = next((other for other in alike if other is tensor or torch.equal(other, tensor)), None)
                    if same is None:
                        alike.append(tensor)
                    place[name] = tensor if same is None else same


def make_tables(model: nn.Module) -> None:
    """Make the tables of ConViT, in place.

    It makes them at its first image, for which it asks a layer's weight for its type; a quantized layer has none.
    """
    patches = getattr(getattr(model, "patch_embed", None), "num_patches", None)
    for module in model.modules():
        if isinstance(module, GPSA) and patches is not None and module.rel_indices.shape[1] != patches:
            module.rel_indices = module.get_rel_indices(patches)
