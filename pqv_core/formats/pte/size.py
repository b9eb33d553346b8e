"""How large a ``.pte`` will be: a model of what ExecuTorch and XNNPACK store, from figures alone."""

from __future__ import annotations

from pqv_core.config.base import look_up
from pqv_core.config.quantize import fitting_group
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost
from pqv_core.schemes import SCHEMES

_FLOAT_BYTES = 4
_FP16_BYTES = 2
_INT4_BYTES = 1 / 2
_GROUP_SCALE_BYTES = 2  # of each group of weights in 4 bits, in bfloat16
_SCALE_BYTES = 4  # of each output channel of a layer in 8 bits, and again of its bias where that is in 32
# Header, names, graphs and the padding of segments, fitted to files of ViTs of 3 and 12 blocks (ExecuTorch 1.3.1).
_PROGRAM = 2_500
_BYTES_PER_OPERATOR = 660
_OPERATORS_PER_LAYER = 3.5  # of a plain ViT: three and a half around each linear layer
_BYTES_PER_CONVERSION = 370  # to 8 bits before a layer; where ranges are known beforehand also back again


def file_bytes(cost: Cost, contents: Contents | None, *, scheme: str, group: int = 32) -> int:
    """Bytes of a file: weights of linear layers in 16, 8 or 4 bits, and everything else in 32.

    Args:
        contents: What the catalogue knows of the model's tables and operators; None for a plain ViT.
        group: The most inputs that share a scale, where weights are in 4 bits.

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
        whole = _FLOAT_BYTES * (cost.params - cost.linear_weights) + _int4_bytes(cost, group)
        return program + whole + _BYTES_PER_CONVERSION * cost.linears + (contents.int8 if contents else 0)
    twice = 2 if known.calibrates else 1
    saved = (_FLOAT_BYTES - 1) * cost.linear_weights - twice * _SCALE_BYTES * cost.linear_outputs
    program += twice * _BYTES_PER_CONVERSION * cost.linears
    return program + _FLOAT_BYTES * cost.params - saved + (contents.int8 if contents else 0)


def _int4_bytes(cost: Cost, group: int) -> int:
    """Of weights of linear layers in 4 bits, or in 8 where no group fits, and of their scales.

    Where the numbers of inputs are not known, the whole group is taken to fit them all.
    """
    total = 0.0
    for inputs, weights in cost.by_inputs or ((group, cost.linear_weights),):
        fitting = fitting_group(inputs, group)
        total += weights + _SCALE_BYTES * weights / inputs if fitting is None else weights * _in_groups(fitting)
    return round(total)


def _in_groups(group: int) -> float:
    """Bytes of a weight in 4 bits, with its part of the scale."""
    return _INT4_BYTES + _GROUP_SCALE_BYTES / group
