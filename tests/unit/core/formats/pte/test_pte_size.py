"""The size of a ``.pte`` is foretold within 2 %, from figures alone."""

from __future__ import annotations

import pytest

from pqv_core.formats.pte import INFO
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import VitShape

SMALL = VitShape((32, 32), (4, 4), patch_inputs=48, embed=96, depth=3, heads=3, head_dim=32, hidden=384, classes=10)
DEIT_T = VitShape((224, 224), (16, 16), patch_inputs=768, embed=192, depth=12, heads=3, head_dim=64, hidden=768)
MEASURED = [
    (SMALL, "fp32", 1_420_328),
    (SMALL, "fp16", 742_804),
    (SMALL, "int8-dynamic", 425_000),
    (DEIT_T, "fp32", 22_901_664),
    (DEIT_T, "int8-dynamic", 6_066_336),
]


@pytest.mark.parametrize(("shape", "scheme", "measured"), MEASURED)
def test_files_that_were_written_are_of_the_size_that_is_foretold(shape: VitShape, scheme: str, measured: int) -> None:
    assert INFO.size(shape.cost(), None, scheme=scheme) == pytest.approx(measured, rel=0.02)


def test_tables_and_operators_count() -> None:
    cost = SMALL.cost()
    plain = INFO.size(cost, Contents(0, 0, 0, constants=0, operators=10), scheme="fp32")
    assert INFO.size(cost, Contents(4000, 0, 0, constants=0, operators=10), scheme="fp32") == plain + 4000
    assert INFO.size(cost, Contents(0, 0, 0, constants=0, operators=30), scheme="fp32") > plain
