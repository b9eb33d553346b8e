"""Names that a person may have meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.spelling import closest

KNOWN = (
    "deit_base_patch16_224",
    "deit_small_patch16_224",
    "deit_tiny_distilled_patch16_224",
    "deit_tiny_patch16_224",
    "resnet50",
    "swin_tiny_patch4_window7_224",
    "vit_tiny_patch16_224",
)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("deit_tinny", "deit_tiny_patch16_224"),  # begins alike
        ("DEIT_TINY_PATCH16_225", "deit_tiny_patch16_224"),
        ("swin_tinny", "swin_tiny_patch4_window7_224"),
        ("rasnet50", "resnet50"),
        ("vit_tiny_patch16_24", "vit_tiny_patch16_224"),
    ],
)
def test_the_name_that_was_meant_comes_first(typed: str, first: str) -> None:
    assert closest(typed, KNOWN, count=3)[0] == first


def test_nothing_is_suggested_that_is_not_alike() -> None:
    assert closest("bert", KNOWN, count=3) == []
    assert closest("", KNOWN, count=3) == []


@given(st.sampled_from(KNOWN), st.integers(1, 5))
def test_a_known_name_is_closest_to_itself(name: str, count: int) -> None:
    found = closest(name, KNOWN, count=count)
    assert found[0] == name
    assert len(found) <= count
    assert len(set(found)) == len(found)
