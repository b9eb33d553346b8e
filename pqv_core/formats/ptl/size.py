"""How large a ``.ptl`` will be: a model of what PyTorch Lite stores, from figures alone."""

from __future__ import annotations

from pqv_core.config.base import look_up
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost
from pqv_core.schemes import SCHEMES

_FLOAT_BYTES = 4
_FP16_BYTES = 2
_INT8_BYTES_PER_CHANNEL = 16  # scale and zero point of each output channel: a double and a long
# Names, alignment, code and its debug information, fitted to the files of 55 families (torch 2.12.1).
_ARCHIVE = 5_700
_BYTES_PER_CONSTANT = 278
_BYTES_PER_OPERATOR = 142
_BYTES_PER_FP16_CONSTANT = 15
_BYTES_PER_EXTRA_CONSTANT = 378
_BYTES_PER_PACKED_LAYER = 776


def file_bytes(cost: Cost, contents: Contents | None, *, scheme: str) -> int:
    """Bytes of a frozen file: weights of linear layers in 8 bits, or all weights in 16, and everything else in 32.

    Without ``contents`` it is taken for a plain ViT.

    Raises:
        ConfigError: There is no such scheme.
    """
    contents = contents or _plain(cost)
    code = _ARCHIVE + _BYTES_PER_CONSTANT * contents.constants + _BYTES_PER_OPERATOR * contents.operators
    whole = _FLOAT_BYTES * cost.params + code
    storage = look_up(SCHEMES, scheme, field="quantize.precision").storage
    if storage == "fp32":
        return whole + contents.fp32
    if storage == "fp16":
        halved = cost.linear_weights + cost.conv_weights
        widened = _BYTES_PER_FP16_CONSTANT * contents.constants + _BYTES_PER_EXTRA_CONSTANT * contents.more_in_fp16
        return whole + contents.fp16 - _FP16_BYTES * halved + widened
    saved = (_FLOAT_BYTES - 1) * cost.linear_weights - _INT8_BYTES_PER_CHANNEL * cost.linear_outputs
    return whole + contents.int8 - saved + _BYTES_PER_PACKED_LAYER * cost.linears


def _plain(cost: Cost) -> Contents:
    """Parameters, and for each linear layer three of them and three and a half operators."""
    return Contents(0, 0, 0, constants=3 * cost.linears + 15, operators=7 * cost.linears // 2)
