"""How large a ``.pte`` will be: a model of what ExecuTorch and XNNPACK store, from figures alone."""

from __future__ import annotations

from pqv_core.config.base import look_up
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost
from pqv_core.schemes import SCHEMES

_FLOAT_BYTES = 4
_FP16_BYTES = 2
_INT4_BYTES = 1 / 2 + 2 / 32  # of a weight, and its part of the scale in bfloat16 of a group of 32
_SCALE_BYTES = 4  # of each output channel of a layer in 8 bits, and again of its bias where that is in 32
# Header, names, graphs and the padding of segments, fitted to files of ViTs of 3 and 12 blocks (ExecuTorch 1.3.1).
_PROGRAM = 2_500
_BYTES_PER_OPERATOR = 660
_OPERATORS_PER_LAYER = 3.5  # of a plain ViT: three and a half around each linear layer
_BYTES_PER_CONVERSION = 370  # to 8 bits before a layer; where ranges are known beforehand also back again


def file_bytes(cost: Cost, contents: Contents | None, *, scheme: str) -> int:
    """Bytes of a file: weights of linear layers in 16, 8 or 4 bits, and everything else in 32.

    Args:
        contents: What the catalogue knows of the model's tables and operators; None for a plain ViT.

    Raises:
        ConfigError: There is no such scheme.
    """
    operators = contents.operators if contents else round(_OPERATORS_PER_LAYER * cost.linears)
    program = _PROGRAM + _BYTES_PER_OPERATOR * operators
    known = look_up(SCHEMES, scheme, field="quantize.precision")
    if known.storage == "fp32":
        return program + _FLOAT_BYTES * cost.params + (contents.fp32 if contents else 0)
    if known.storage == "fp16":
        saved = (_FLOAT_BYTES - _FP16_BYTES) * cost.linear_weights
        return program + _FLOAT_BYTES * cost.params - saved + (contents.int8 if contents else 0)
    if known.storage == "int4":
        whole = _FLOAT_BYTES * (cost.params - cost.linear_weights) + round(_INT4_BYTES * cost.linear_weights)
        return program + whole + _BYTES_PER_CONVERSION * cost.linears + (contents.int8 if contents else 0)
    twice = 2 if known.calibrates else 1
    saved = (_FLOAT_BYTES - 1) * cost.linear_weights - twice * _SCALE_BYTES * cost.linear_outputs
    program += twice * _BYTES_PER_CONVERSION * cost.linears
    return program + _FLOAT_BYTES * cost.params - saved + (contents.int8 if contents else 0)
