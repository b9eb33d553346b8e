"""What is left of a width."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.models.kept_widths import kept_width, shared_out, step_ratio

WIDTHS = st.integers(1, 10_000)
RATIOS = st.floats(0.001, 0.9)


@pytest.mark.parametrize(
    ("width", "ratio", "round_to", "kept"),
    [
        (64, 0.25, 8, 48),
        (32, 0.25, 8, 24),
        (384, 0.25, 8, 288),
        (64, 0.09375, 8, 56),  # 58: the paper's ratio, rounded
        (3072, 0.09375, 8, 2784),
        (100, 0.5, 1, 50),
        (64, 0.9, 8, 8),
        (16, 0.9, 16, 16),
        (4, 0.9, 8, 4),
    ],
)
def test_widths_are_rounded_to_the_nearest_multiple(width: int, ratio: float, round_to: int, kept: int) -> None:
    assert kept_width(width, ratio=ratio, round_to=round_to) == kept


@given(WIDTHS, RATIOS, st.integers(1, 64))
def test_what_is_kept_is_a_multiple_near_the_share_or_all(width: int, ratio: float, round_to: int) -> None:
    kept = kept_width(width, ratio=ratio, round_to=round_to)
    assert 1 <= kept <= width
    if kept < width:
        assert kept % round_to == 0
        assert abs(kept - width * (1 - ratio)) <= max(round_to / 2, round_to - width * (1 - ratio))


@given(WIDTHS, RATIOS, RATIOS, st.integers(1, 64))
def test_cutting_more_never_keeps_more(width: int, one: float, other: float, round_to: int) -> None:
    less, more = sorted((one, other))
    assert kept_width(width, ratio=more, round_to=round_to) <= kept_width(width, ratio=less, round_to=round_to)


@pytest.mark.parametrize(
    ("heads", "ratio", "kept"), [(12, 0.25, 9), (3, 0.25, 2), (6, 0.09375, 5), (3, 0.1, 3), (1, 0.9, 1), (16, 0.9, 2)]
)
def test_whole_heads_are_rounded_to_one(heads: int, ratio: float, kept: int) -> None:
    assert kept_width(heads, ratio=ratio, round_to=1) == kept


SCORES = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=40), min_size=1, max_size=6)


@given(SCORES, RATIOS, st.floats(0.01, 0.9))
def test_the_least_important_go_wherever_they_are(scores: list[list[float]], ratio: float, limit: float) -> None:
    starts = [len(mine) for mine in scores]
    shares = shared_out(scores, starts, ratio=ratio, limit=limit)
    kept = [round(start * (1 - share)) for start, share in zip(starts, shares, strict=True)]
    assert sum(kept) >= round(sum(starts) * (1 - ratio))
    for mine, start in zip(kept, starts, strict=True):
        assert start * (1 - max(limit, ratio)) - 1e-9 <= mine <= start
    free = [start - math.ceil(start * (1 - max(limit, ratio))) for start in starts]
    gone = [sorted(mine)[: start - left] for mine, start, left in zip(scores, starts, kept, strict=True)]
    stays = [
        sorted(mine)[start - left : can] for mine, start, left, can in zip(scores, starts, kept, free, strict=True)
    ]
    assert max((score for mine in gone for score in mine), default=0) <= min(
        (score for mine in stays for score in mine), default=1
    )


def test_steps_are_equal_shares_of_the_start() -> None:
    assert [step_ratio(0.6, step=step, steps=3) for step in (1, 2, 3)] == pytest.approx([0.2, 0.4, 0.6])
