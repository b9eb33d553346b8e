"""How figures are written for a person."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core import formatting


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formatting.significant(9.999), "10.0"),
        (formatting.significant(1234.6), "1,230"),
        (formatting.significant(0.012345), "0.0123"),
        (formatting.significant(float("nan")), "–"),
        (formatting.count(22_050_664), "22.1 M"),
        (formatting.count(999_999), "1.00 M"),
        (formatting.count(12), "12"),
        (formatting.macs(4.6e9), "4.60 GMAC"),
        (formatting.size(17_300_000), "17.3 MB"),
        (formatting.size(512), "512 bytes"),
        (formatting.nanoseconds(73_210_000), "73.2 ms"),
        (formatting.milliseconds(0.0042), "4.20 µs"),
        (formatting.percent(0.98765), "98.8 %"),
        (formatting.change(100, 76.6), "−23.4 %"),
        (formatting.change(100, 100), "±0 %"),
        (formatting.points(0.98, 0.9675), "−1.25 points"),
        (formatting.ratio(6.468), "6.47×"),
        (formatting.duration(0.0421), "42.1 ms"),
        (formatting.duration(59.97), "1 min"),
        (formatting.duration(73), "1 min 13 s"),
        (formatting.duration(4320), "1 h 12 min"),
        (formatting.time_left(3), "a few seconds left"),
        (formatting.time_left(242), "4 min left"),
        (formatting.time_left(5000), "1 h 25 min left"),
    ],
)
def test_figures_in_words(written: str, expected: str) -> None:
    assert written == expected


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_three_significant_digits_stay_within_half_a_percent(value: float) -> None:
    read = float(formatting.significant(value).replace(",", ""))
    assert abs(read - value) <= 0.005 * value


@given(st.floats(min_value=0, max_value=1e7))
def test_a_duration_always_has_a_unit(seconds: float) -> None:
    assert formatting.duration(seconds).endswith((" s", " ms", " min", " h"))


def test_one_is_not_several() -> None:
    assert [formatting.counted(number, "run") for number in (0, 1, 1200)] == ["0 runs", "1 run", "1,200 runs"]


def test_a_date_is_written_in_one_way() -> None:
    assert formatting.date(datetime(2026, 3, 2, 9, 5)) == "2 Mar 2026, 09:05"


@pytest.mark.parametrize(
    ("written", "known"), [("2026-03-02T09:05:00+00:00", True), ("", False), ("0001-01-01", False), ("x", False)]
)
def test_what_is_no_time_has_no_moment(written: str, known: bool) -> None:
    assert (formatting.moment(written) is not None) == known
