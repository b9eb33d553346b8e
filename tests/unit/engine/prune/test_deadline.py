"""A search that finds no end is ended."""

from __future__ import annotations

import itertools
import sys

import pytest
from torch import nn

from pqv_core.config import PruneConfig
from pqv_core.engine.prune import dependencies
from pqv_core.engine.prune.deadline import OutOfTime, deadline
from pqv_core.engine.prune.structured import prune
from pqv_core.errors import Cancelled, PruneError
from tests.fakes.training import Recorder, tiny_vit


def forever() -> None:
    for _ in itertools.count():
        len("")


def test_work_without_an_end_is_ended() -> None:
    clock = itertools.count()  # a second a look
    with pytest.raises(OutOfTime), deadline(5, check=lambda: None, clock=lambda: float(next(clock))):
        forever()


def test_work_with_an_end_is_left_alone() -> None:
    with deadline(5, check=lambda: None, clock=lambda: 0.0):
        assert sum(len("ab") for _ in range(5000)) == 10_000


def test_it_ends_when_asked() -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled), deadline(5, check=check, clock=lambda: 0.0):
        forever()


def test_what_watched_before_watches_again() -> None:
    before = sys.getprofile()
    with pytest.raises(OutOfTime), deadline(-1, check=lambda: None, clock=lambda: 0.0):
        forever()
    assert sys.getprofile() is before


def test_a_stuck_search_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(graph: object, scope: nn.Module, **arguments: object) -> None:
        forever()

    monkeypatch.setattr(dependencies, "_SEARCH_S", 0.0)
    monkeypatch.setattr(dependencies.tp.DependencyGraph, "build_dependency", stuck)
    with pytest.raises(PruneError, match=r"dependencies of blocks\.0\.mlp\.fc2 were not found within"):
        prune(tiny_vit(), PruneConfig(importance="l2"), batches=None, context=Recorder().context)
