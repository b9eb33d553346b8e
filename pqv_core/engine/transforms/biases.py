"""Query, key and value biases that are kept apart from their layer, put back into it.

BEiT, EVA and Swin V2 learn no bias for keys. timm keeps the others beside the layer and reads its weights directly,
which a quantized layer does not allow; with one bias inside, the layer is simply called and answers the same.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def fold_query_biases(model: nn.Module) -> None:
    """Give every ``qkv`` layer the biases that stand beside it, in place."""
    for module in model.modules():
        attention: Any = module
        apart = getattr(module, "q_bias", None)
        if apart is not None and isinstance(getattr(module, "qkv", None), nn.Linear):
            biases = (attention.q_bias, attention.k_bias, attention.v_bias)
            attention.qkv.bias = nn.Parameter(torch.cat([bias.detach() for bias in biases]))
            attention.q_bias = attention.k_bias = attention.v_bias = None
