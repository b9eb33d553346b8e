"""Operators are grouped as in the paper's figure 3."""

from __future__ import annotations

import pytest

from pqv_core.formats.delegation import Delegation
from pqv_core.results import operators
from pqv_core.results.record import OperatorTime


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("aten::linear", "Linear"),
        ("aten::addmm", "Linear"),
        ("quantized::linear_dynamic", "Linear"),
        ("prepacked::linear_clamp_run", "Linear"),
        ("aten::quantize_per_tensor", "Quantize"),
        ("aten::dequantize", "Quantize"),
        ("aten::bmm", "Matmul"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "Matmul"),
        ("aten::mkldnn_convolution", "Convolution"),
        ("aten::_softmax", "Softmax"),
        ("aten::native_layer_norm", "Norm"),
        ("aten::gelu", "Activation"),
        ("aten::copy_", "Other"),
        ("forward", "Other"),
    ],
)
def test_the_group_of_an_operator(name: str, group: str) -> None:
    assert operators.group(name) == group


def test_nothing_is_lost_in_groups() -> None:
    names = ["aten::linear", "aten::addmm", "aten::gelu", "aten::copy_"]
    rows = [OperatorTime(name=name, calls=1, ns=10 + index) for index, name in enumerate(names)]
    grouped = operators.by_group(rows)
    assert grouped == {"Linear": 21, "Other": 13, "Activation": 12}
    assert sum(grouped.values()) == sum(row.ns for row in rows)


def test_what_operators_take_of_a_latency_adds_up_to_it() -> None:
    rows = [OperatorTime(name="aten::linear", calls=12, ns=6_000), OperatorTime(name="aten::gelu", calls=3, ns=2_000)]
    assert [(row.calls, row.ns) for row in operators.shared_out(rows, 10_000)] == [(12, 7_500), (3, 2_500)]
    assert operators.shared_out([], 10_000) == ()


def taking(**ns: int) -> list[OperatorTime]:
    return [OperatorTime(name=name, calls=1, ns=spent) for name, spent in ns.items()]


def test_what_operators_outside_of_delegates_cost() -> None:
    found = Delegation(parts={"XnnpackBackend": 2}, outside={"sin": 3, "cos": 1})
    named = taking(softmax=60, sin=10, cos=20, interpreter=10)
    assert operators.share_outside(found, named) == 0.3
    unseen = taking(softmax=60, interpreter=40)
    assert operators.share_outside(found, unseen) == 0.4  # all that passes between what delegates compute
    assert operators.share_outside(Delegation(parts={"XnnpackBackend": 1}), unseen) == 0


def test_what_they_cost_is_not_known_without_a_look_into_delegates() -> None:
    found = Delegation(parts={"XnnpackBackend": 2}, outside={"sin": 3})
    assert operators.share_outside(found, []) is None
    assert operators.share_outside(found, taking(interpreter=100)) is None
