"""Finding by a few letters: what fits, by which letters, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_gui.viewmodels import fuzzy

NAMES = ["New project", "Open", "Prune", "Pruning ratio", "Run", "Run or resume", "Close project", "Round widths to"]


def found(query: str) -> list[str]:
    return [name for name, _ in fuzzy.ranked(query, NAMES, str)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("npr", "New project"),
        ("RUN", "Run"),
        ("ror", "Run or resume"),
        ("rat pru", "Pruning ratio"),
        ("clo", "Close project"),
    ],
)
def test_the_best_is_first(query: str, first: str) -> None:
    assert found(query)[0] == first


def test_without_a_query_all_are_there_in_their_order() -> None:
    assert found("  ") == NAMES


def test_letters_must_come_in_their_order_and_every_word_must_be_found() -> None:
    assert found("nur") == []
    assert found("open xyz") == []


def test_the_letters_that_were_found_are_told() -> None:
    fit = fuzzy.match("npr", "New project")
    assert fit is not None and fit.places == (0, 4, 5)


def test_capitals_that_become_two_letters_shift_nothing() -> None:
    fit = fuzzy.match("q", "ẞ İ q")
    assert fit is not None and fit.places == (4,)


@given(st.text(max_size=12), st.text(max_size=40))
def test_any_text_can_be_searched_for_anything(query: str, text: str) -> None:
    fit = fuzzy.match(query, text)
    assert fit is None or all(0 <= place < len(text) for place in fit.places)
