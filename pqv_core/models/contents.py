"""What the files of a model store besides its parameters, as the catalogue knows it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


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
