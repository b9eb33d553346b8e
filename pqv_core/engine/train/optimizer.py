"""AdamW in timm's parameter groups."""

from __future__ import annotations

from typing import Any

import torch
from timm.optim._param_groups import param_groups_layer_decay, param_groups_weight_decay
from torch import nn

from pqv_core.config import FinetuneConfig


def adamw(model: nn.Module, config: FinetuneConfig, device: torch.device) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) without decay for biases, norms, and what the model exempts (embeddings).

    With a layer decay below 1 (BEiT, Bao et al. 2022) each group carries the ``lr_scale`` of its layer.
    """
    listed: Any = getattr(model, "no_weight_decay", tuple)
    if config.layer_decay < 1:
        groups = param_groups_layer_decay(
            model, config.weight_decay, no_weight_decay_list=listed(), layer_decay=config.layer_decay
        )
    else:
        groups = param_groups_weight_decay(model, config.weight_decay, no_weight_decay_list=listed())
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=device.type in ("cpu", "cuda"))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group ``rate`` times the scale of its layer."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)
