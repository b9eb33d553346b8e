"""Logits of the phone against this computer's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deploy.errors import RunnerError
from deploy.measure import answers
from pqv_core.errors import BenchmarkError


def test_equal_answers() -> None:
    logits = np.array([[1.0, 2.0], [4.0, 3.0]], np.float32)
    found = answers.compare(logits, logits)
    assert (found.max_abs, found.relative, found.top1_agreement, found.inputs) == (0, 0, 1, 2)


def test_other_answers() -> None:
    host = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    phone = np.array([[3.0, 4.0], [0.0, 1.0]], np.float32)
    found = answers.compare(phone, host)
    assert (found.max_abs, found.relative, found.top1_agreement) == (1.0, pytest.approx(0.2), 0.5)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(BenchmarkError):
        answers.compare(np.zeros((1, 2), np.float32), np.zeros((1, 3), np.float32))


def test_accuracy_of_logits() -> None:
    logits = np.array([[9, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6, 0]], np.float32)
    found = answers.accuracy(logits, np.array([0, 1]))
    assert (found.top1, found.top5, found.images) == (0.5, 1.0, 2)
    first = np.log(np.exp(9) + 6) - 9
    second = np.log(np.exp([1, 2, 3, 4, 5, 6, 0]).sum()) - 2
    assert found.loss == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("values", [[], [1.0, 2.0, 3.0], [1.0, float("nan")], [float("inf"), 0.0]])
def test_answers_that_cannot_be(tmp_path: Path, values: list[float]) -> None:
    path = tmp_path / "logits"
    np.array(values, "<f4").tofile(path)
    with pytest.raises(RunnerError):
        answers.read_logits(path, 2)
