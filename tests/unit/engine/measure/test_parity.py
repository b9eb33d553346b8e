"""What a file's answers are compared on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pqv_core.engine.measure import parity
from tests.fakes.training import FORM


def images(count: int) -> list[tuple[Tensor, int]]:
    """Images that can be told apart: each is its number."""
    return [(torch.full((3, 2, 2), float(number)), 0) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "chosen"),
    [
        (3, [0, 1, 2]),
        (16, list(range(16))),
        (17, list(range(16))),
        (40, [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30, 32, 35, 37]),
    ],
)
def test_sixteen_images_from_all_over_the_set_are_taken(count: int, chosen: list[int]) -> None:
    found = parity.inputs(images(count), preprocessing=FORM, seed=0)
    assert found.shape == (len(chosen), 3, 2, 2)
    assert found[:, 0, 0, 0].tolist() == chosen


def test_without_images_there_is_noise_that_follows_the_seed() -> None:
    first, again, other = (parity.inputs(None, preprocessing=FORM, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (16, *FORM.input_size)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
