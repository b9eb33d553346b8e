"""The size of a ``.pte`` is foretold within 2 %, from figures alone."""

from __future__ import annotations

import pytest

from pqv_core.formats.pte import INFO
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import VitShape
from pqv_core.schemes import SCHEMES, Scheme

SMALL = VitShape((32, 32), (4, 4), patch_inputs=48, embed=96, depth=3, heads=3, head_dim=32, hidden=384, classes=10)
DEIT_T = VitShape((224, 224), (16, 16), patch_inputs=768, embed=192, depth=12, heads=3, head_dim=64, hidden=768)
MEASURED = [  # with ExecuTorch 1.3.1; random weights, of which equal ones (biases of nothing) are stored once
    (SMALL, "fp32", 1_413_928),
    (SMALL, "fp16", 752_296),
    (SMALL, "int8-dynamic", 431_272),
    (SMALL, "int8-static", 446_632),
    (DEIT_T, "fp32", 22_874_272),
    (DEIT_T, "fp16", 11_695_904),
    (DEIT_T, "int8-dynamic", 6_066_336),
]


@pytest.mark.parametrize(("shape", "scheme", "measured"), MEASURED)
def test_files_that_were_written_are_of_the_size_that_is_foretold(shape: VitShape, scheme: str, measured: int) -> None:
    assert INFO.size(shape.cost(), None, scheme=scheme) == pytest.approx(measured, rel=0.02)


def test_weights_in_four_bits_have_a_scale_for_each_group_of_32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of which the patch projection is in 32 bits, as ExecuTorch leaves a convolution, and all else in 4."""
    four = Scheme("int4", "INT4", "Four bits.", "nowhere:nothing", storage="int4")
    monkeypatch.setitem(SCHEMES._found[0], "int4", four)
    for shape, measured in ((SMALL, 275_624), (DEIT_T, 3_985_184)):
        patches = shape.patch_inputs * shape.embed
        foretold = INFO.size(shape.cost(), None, scheme="int4") + round((4 - 1 / 2 - 2 / 32) * patches)
        assert foretold == pytest.approx(measured, rel=0.05)  # equal biases of random models weigh more here


def test_tables_and_operators_count() -> None:
    cost = SMALL.cost()
    plain = INFO.size(cost, Contents(0, 0, 0, constants=0, operators=10), scheme="fp32")
    assert INFO.size(cost, Contents(4000, 0, 0, constants=0, operators=10), scheme="fp32") == plain + 4000
    assert INFO.size(cost, Contents(0, 0, 0, constants=0, operators=30), scheme="fp32") > plain
