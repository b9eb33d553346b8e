"""A head whose classes stand in another order is noticed by what it answers; a model that knows little is not."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.data import class_order
from pqv_core.engine.data import permuted

TEXT = sorted(str(number) for number in range(12))
NATURAL = sorted(TEXT, key=int)


def answers(
    taken: list[str], meant: list[str], *, each: int = 4, right: float = 1.0, seed: int = 0
) -> permuted.Answers:
    """Of a model whose outputs mean ``meant`` and are taken for ``taken``; where it is wrong, it guesses."""
    chance = random.Random(seed)
    found: Counter[tuple[int, int]] = Counter()
    for label, name in enumerate(taken):
        for number in range(each):
            knows = number < right * each
            found[label, meant.index(name) if knows else chance.randrange(len(meant))] += 1
    return found


@pytest.mark.parametrize(("each", "right"), [(1, 1.0), (10, 0.6)])
def test_the_order_that_fits_is_named(each: int, right: float) -> None:
    said = permuted.remark(answers(TEXT, NATURAL, each=each, right=right), TEXT)
    assert "in natural order" in said and said.endswith("Set data.class_order=natural.")
    assert "as text" in permuted.remark(answers(NATURAL, TEXT, each=each, right=right), NATURAL)


def test_it_says_what_would_be_right() -> None:
    assert "16.7 % are correct" in (said := permuted.remark(answers(TEXT, NATURAL), TEXT)) and "100 % would be" in said


def test_two_classes_are_enough_and_few_images_are_not() -> None:
    assert "natural" in permuted.remark(answers(["10", "2"], ["2", "10"], each=3), ["10", "2"])
    assert permuted.remark(answers(["10", "2"], ["2", "10"], each=2), ["10", "2"]) == ""


def test_a_thousand_classes_of_a_weak_model() -> None:
    text = sorted(str(number) for number in range(1000))
    said = permuted.remark(answers(text, sorted(text, key=int), each=3, right=0.3), text)
    assert "natural" in said


@given(st.permutations([f"class {letter}" for letter in "abcdefgh"]), st.sampled_from([0.9, 1.0]))
def test_any_other_permutation_looks_like_one(meant: list[str], right: float) -> None:
    names = sorted(meant)
    moved = sum(one != other for one, other in zip(names, meant, strict=True))

    said = permuted.remark(answers(names, meant, each=10, right=right), names)

    assert ("look permuted" in said) == (moved > 0)
    assert not moved or f"{moved} of them" in said


@pytest.mark.parametrize("names", [TEXT, NATURAL])
def test_a_model_that_is_right_is_left_alone(names: list[str]) -> None:
    assert permuted.remark(answers(names, names), names) == ""
    assert permuted.remark(answers(names, names, each=10, right=0.3), names) == ""


@given(st.integers(2, 30), st.integers(1, 8), st.integers(0, 10**6))
def test_one_answer_to_everything_or_to_most_is_no_permutation(classes: int, each: int, seed: int) -> None:
    names = sorted(str(number) for number in range(classes))
    chance = random.Random(seed)
    constant = Counter({(label, 0): chance.randrange(1, 200) for label in range(classes)})
    halves = Counter({(label, label % 2): each for label in range(classes)})

    assert permuted.remark(constant, names) == ""
    assert classes < 3 or permuted.remark(halves, names) == ""


def test_guesses_are_no_permutation() -> None:
    names = NATURAL
    for seed in range(200):
        said = permuted.remark(answers(names, names, each=5, right=0.0, seed=seed), names)
        assert said == "", seed


def test_classes_that_are_taken_for_one_neighbour_are_no_permutation() -> None:
    names = ["cat", "dog", "fox", "owl"]
    found = Counter({(0, 1): 10, (1, 1): 10, (2, 2): 10, (3, 2): 10})

    assert permuted.remark(found, names) == ""


def test_outputs_without_images_may_be_what_is_meant() -> None:
    names = [f"n{number:04}" for number in range(1000)]
    found = Counter({(label, 900 - label): 3 for label in range(10)})

    assert "10 of them" in permuted.remark(found, names)


def test_every_order_by_name_is_looked_at() -> None:
    assert set(permuted._WORDS) == set(class_order.KEYS)
