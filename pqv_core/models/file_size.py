"""How large a ``.ptl`` will be: a model of what PyTorch Lite stores, from figures alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pqv_core.config.base import look_up
from pqv_core.models.vit_shape import Cost
from pqv_core.schemes import SCHEMES

_FLOAT_BYTES = 4
_HALF_BYTES = 2
_INT8_BYTES_A_CHANNEL = 16  # scale and zero point of each output channel: a double and a long
# Names, alignment, code and its debug information, fitted to the files of 55 families (torch 2.12.1).
_ARCHIVE = 5_700
_BYTES_A_CONSTANT = 278
_BYTES_AN_OPERATOR = 142
_BYTES_A_HALF_CONSTANT = 15
_BYTES_A_CONSTANT_MORE = 378
_BYTES_A_PACKED_LAYER = 776


@dataclass(frozen=True, slots=True)
class Contents:
    """What the files of a model store besides its parameters.

    Freezing computes what does not depend on the image: tables of positions grow, norms go into convolutions.

    Attributes:
        fp32: Bytes of constants beyond those of the parameters (less than none where norms went); also ``fp16``,
            ``int8``.
        constants: How many there are.
        operators: How many operators take part in an answer.
        more_in_fp16: Constants that only fp16 files have: norms that stay beside their convolutions.
        tables_fp32: Bytes among ``fp32`` that go with the heads; also ``tables_fp16``, ``tables_int8``.
    """

    fp32: int
    fp16: int
    int8: int
    constants: int
    operators: int
    more_in_fp16: int = 0
    tables_fp32: int = 0
    tables_fp16: int = 0
    tables_int8: int = 0

    def without_heads(self, share: float) -> Contents:
        """The same once this share of all heads is gone."""
        return dataclasses.replace(
            self,
            fp32=self.fp32 - round(share * self.tables_fp32),
            fp16=self.fp16 - round(share * self.tables_fp16),
            int8=self.int8 - round(share * self.tables_int8),
        )


def file_bytes(cost: Cost, contents: Contents | None, *, precision: str) -> int:
    """Bytes of a frozen file: weights of linear layers in 8 bits, or all weights in 16, and everything else in 32.

    Without ``contents`` it is taken for a plain ViT.

    Raises:
        ConfigError: There is no such precision.
    """
    contents = contents or _plain(cost)
    code = _ARCHIVE + _BYTES_A_CONSTANT * contents.constants + _BYTES_AN_OPERATOR * contents.operators
    whole = _FLOAT_BYTES * cost.params + code
    storage = look_up(SCHEMES, precision, field="quantize.precision").storage
    if storage == "fp32":
        return whole + contents.fp32
    if storage == "fp16":
        halved = cost.linear_weights + cost.conv_weights
        widened = _BYTES_A_HALF_CONSTANT * contents.constants + _BYTES_A_CONSTANT_MORE * contents.more_in_fp16
        return whole + contents.fp16 - _HALF_BYTES * halved + widened
    saved = (_FLOAT_BYTES - 1) * cost.linear_weights - _INT8_BYTES_A_CHANNEL * cost.linear_outputs
    return whole + contents.int8 - saved + _BYTES_A_PACKED_LAYER * cost.linears


def _plain(cost: Cost) -> Contents:
    """Parameters, and for each linear layer three of them and three and a half operators."""
    return Contents(0, 0, 0, constants=3 * cost.linears + 15, operators=7 * cost.linears // 2)
