"""What trials must keep to, as a person writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import ConfigError
from pqv_core.study import constraints
from pqv_core.study.figures import FIGURES


@pytest.mark.parametrize(
    ("text", "bound", "words"),
    [
        ("top1_drop<=1", 1.0, "Top-1 lost ≤ 1.00 points"),
        ("size <= 10MB", 10.0, "Size ≤ 10.0 MB"),
        ("size<=900 kB", 0.9, "Size ≤ 900 kB"),
        ("latency<=2s", 2000.0, "Latency ≤ 2,000 ms"),
        ("top1>=98%", 0.98, "Top-1 ≥ 98.0 %"),
        ("top1>=0.98", 0.98, "Top-1 ≥ 98.0 %"),
        ("memory<=1GB", 1000.0, "Memory ≤ 1.00 GB"),
        ("energy<=1J", 1000.0, "Energy ≤ 1,000 mJ"),
    ],
)
def test_a_bound_has_the_figures_unit(text: str, bound: float, words: str) -> None:
    made = constraints.parse(text)
    assert made.bound == pytest.approx(bound)
    assert made.words == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("size<10MB", "is no constraint"),
        ("size<=", "is no constraint"),
        ("speed<=3ms", "'speed' is not known"),
        ("latency<=5", "the unit of Latency is missing"),
        ("latency<=5MB", "Latency is not given in 'MB'"),
        ("top1>=98", "Top-1 is a share"),
        ("size<=1e999MB", "the bound is no number"),
    ],
)
def test_what_cannot_be_is_said(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        constraints.parse(text)
    assert words in str(raised.value)
    assert raised.value.action


@given(st.text(max_size=30))
def test_any_words_are_a_constraint_or_a_sentence(text: str) -> None:
    try:
        constraints.parse(text)
    except ConfigError as error:
        assert error.message


@given(key=st.sampled_from(sorted(FIGURES)), bound=st.floats(0, 1), value=st.floats(-1e6, 1e6), at_most=st.booleans())
def test_a_constraint_is_kept_up_to_its_bound(key: str, bound: float, value: float, at_most: bool) -> None:
    unit = next(iter(FIGURES[key].units))
    made = constraints.parse(f"{key}{'<=' if at_most else '>='}{bound!r}{unit}")
    kept = value <= made.bound if at_most else value >= made.bound
    assert (made.excess(value) <= 0) == kept
