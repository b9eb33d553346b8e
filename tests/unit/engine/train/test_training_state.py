"""When a training's state is saved: not too often, and at its end only where that takes a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.engine.models import tensorfile
from pqv_core.engine.train import training_state
from pqv_core.engine.train.training_state import Position, Store

MB = 1024 * 1024


class Clock:
    """Stands still until it is told to go on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock: Any = Clock()
    monkeypatch.setattr(training_state, "time", clock)
    return clock


@pytest.fixture
def saved_in(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Store]:
    """Makes the store of a small training that was saved once, which took so many seconds."""
    write = tensorfile.write

    def saved(seconds: float) -> Store:
        def slow(*arguments: Any) -> None:
            write(*arguments)
            clock.now += seconds

        store = of_bytes(1024, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(tensorfile, "write", slow)
            store.save(Position(key="k"))
        return store

    return saved


def of_bytes(count: int, directory: Path) -> Store:
    """The store of a training whose state takes so many bytes."""
    model = nn.Module()
    model.register_parameter("weight", nn.Parameter(torch.zeros(count // 4)))
    return Store(directory, model, torch.optim.AdamW(model.parameters()), average=None)


@pytest.mark.parametrize(("passed", "due"), [(9.9, False), (10.1, True)])
def test_it_is_saved_every_ten_seconds(clock: Clock, tmp_path: Path, passed: float, due: bool) -> None:
    store = of_bytes(1024, tmp_path)
    clock.now += passed
    assert store.is_due is due


@pytest.mark.parametrize(
    ("cost", "passed", "due"), [(0.4, 9.9, False), (0.4, 10.1, True), (2.0, 39.9, False), (2.0, 40.1, True)]
)
def test_a_slow_disk_is_given_a_twentieth_of_the_time(
    clock: Clock, saved_in: Callable[[float], Store], cost: float, passed: float, due: bool
) -> None:
    store = saved_in(cost)
    clock.now += passed
    assert store.is_due is due


@pytest.mark.parametrize(("count", "quick"), [(32 * MB - 4, True), (32 * MB, False)])
def test_a_large_state_is_not_quick_to_save(tmp_path: Path, count: int, quick: bool) -> None:
    assert of_bytes(count, tmp_path).is_quick is quick


@pytest.mark.parametrize(("cost", "quick"), [(0.19, True), (0.21, False)])
def test_on_a_slow_disk_a_small_state_is_not_quick_either(
    saved_in: Callable[[float], Store], cost: float, quick: bool
) -> None:
    assert saved_in(cost).is_quick is quick
