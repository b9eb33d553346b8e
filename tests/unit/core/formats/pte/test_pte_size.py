"""The size of a ``.pte`` is foretold within 2 %, from figures alone."""

from __future__ import annotations

import dataclasses

import pytest

from pqv_core.formats.pte import INFO
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import VitShape

SMALL = VitShape((32, 32), (4, 4), patch_inputs=48, embed=96, depth=3, heads=3, head_dim=32, hidden=384, classes=10)
DEIT_T = VitShape((224, 224), (16, 16), patch_inputs=768, embed=192, depth=12, heads=3, head_dim=64, hidden=768)
WIDER = dataclasses.replace(SMALL, embed=128, depth=4, heads=4, hidden=512)
DEIT_S = dataclasses.replace(DEIT_T, embed=384, heads=6, hidden=1536)
MEASURED = [  # with ExecuTorch 1.3.1; random weights, of which equal ones (biases of nothing) are stored once
    (SMALL, "fp32", 1_413_928),
    (SMALL, "fp16", 752_296),
    (SMALL, "int8-dynamic", 431_272),
    (SMALL, "int8-static", 446_632),
    (DEIT_T, "fp32", 22_874_272),
    (DEIT_T, "fp16", 11_695_904),
    (DEIT_T, "int8-dynamic", 6_066_336),
]
MEASURED_INT4 = [  # with weights, biases among them, that differ
    (SMALL, 32, 276_008),
    (SMALL, 64, 272_552),
    (SMALL, 128, 271_016),
    (WIDER, 32, 564_648),
    (WIDER, 64, 540_072),
    (WIDER, 128, 527_784),
    (DEIT_S, 32, 13_019_680),
]


@pytest.mark.parametrize(("shape", "scheme", "measured"), MEASURED)
def test_files_that_were_written_are_of_the_size_that_is_foretold(shape: VitShape, scheme: str, measured: int) -> None:
    assert INFO.size(shape.cost(), None, scheme=scheme) == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize(("shape", "group", "measured"), MEASURED_INT4)
def test_files_in_four_bits_have_a_scale_for_each_group(shape: VitShape, group: int, measured: int) -> None:
    """The small network's patches of 48 inputs are in 8 bits, for no group divides them."""
    assert INFO.size(shape.cost(), None, scheme="int4", group=group) == pytest.approx(measured, rel=0.02)


def test_where_the_inputs_of_layers_are_not_known_all_get_whole_groups() -> None:
    known = DEIT_T.cost()
    unknown = dataclasses.replace(known, by_inputs=())
    sizes = [INFO.size(unknown, None, scheme="int4", group=group) for group in (32, 128)]
    assert sizes[0] == INFO.size(known, None, scheme="int4", group=32), "32 divides the inputs of every layer"
    assert sizes[0] - sizes[1] == pytest.approx((2 / 32 - 2 / 128) * known.linear_weights, abs=1)


def test_tables_and_operators_count() -> None:
    cost = SMALL.cost()
    plain = INFO.size(cost, Contents(0, 0, 0, constants=0, operators=10), scheme="fp32")
    assert INFO.size(cost, Contents(4000, 0, 0, constants=0, operators=10), scheme="fp32") == plain + 4000
    assert INFO.size(cost, Contents(0, 0, 0, constants=0, operators=30), scheme="fp32") > plain
