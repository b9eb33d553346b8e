"""Where pruning cuts, and in how many steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from pqv_core.config import PruneConfig
from pqv_core.engine import prune as pruning
from pqv_core.engine.importance import CRITERIA
from pqv_core.engine.importance.magnitude import Magnitude
from pqv_core.engine.prune import prune
from pqv_core.events import Progress
from tests.fakes.training import Recorder, tiny_vit

HIDDEN = 128


def model(*strength: float) -> Any:
    """Two blocks whose MLPs have weights of the given strengths."""
    made: Any = tiny_vit()
    for block, factor in zip(made.blocks, strength, strict=True):
        for layer in (block.mlp.fc1, block.mlp.fc2):
            layer.weight.data = factor * torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(1))
    return made


def cut(made: Any, recorder: Recorder | None = None, batches: Any = None, **settings: Any) -> Any:
    config = PruneConfig(**{"importance": "l2", "attention": False, "ratio": 0.25, **settings})
    return prune(made, config, batches=batches, context=(recorder or Recorder()).context)


def hidden(made: Any) -> list[int]:
    return [block.mlp.fc1.out_features for block in made.blocks]


@pytest.fixture
def unscaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores as they are; torch-pruning divides those of each layer by their mean."""

    class Plain(Magnitude):
        def __init__(self) -> None:
            super().__init__(2)
            self._scorer.normalizer = None

    monkeypatch.setitem(CRITERIA, "l2", Plain)


@pytest.mark.usefixtures("unscaled")
class TestGlobal:
    def test_the_least_important_channels_go_wherever_they_are(self) -> None:
        assert hidden(cut(model(1.0, 0.1), distribution="global", ratio=0.25)) == [HIDDEN, HIDDEN // 2]
        assert hidden(cut(model(0.1, 1.0), distribution="global", ratio=0.25)) == [HIDDEN // 2, HIDDEN]

    def test_uniform_cuts_every_layer_alike(self) -> None:
        assert hidden(cut(model(1.0, 0.1), distribution="uniform", ratio=0.25)) == [96, 96]

    @pytest.mark.parametrize(("limit", "left"), [(0.3, [104, 88]), (0.5, [HIDDEN, 64]), (0.9, [HIDDEN, 64])])
    def test_no_layer_loses_more_than_the_limit(self, limit: float, left: list[int]) -> None:
        assert hidden(cut(model(1.0, 0.1), distribution="global", max_ratio=limit)) == left

    def test_a_limit_below_the_ratio_gives_way_to_it(self) -> None:
        assert hidden(cut(model(1.0, 0.1), distribution="global", ratio=0.5, max_ratio=0.1)) == [64, 64]

    def test_widths_are_rounded(self) -> None:
        left = hidden(cut(model(1.0, 0.9), distribution="global", ratio=0.3, max_ratio=0.9, round_to=16))
        assert all(width % 16 == 0 for width in left)
        assert left[0] > left[1]


class TestSteps:
    @pytest.mark.parametrize("distribution", ["uniform", "global"])
    def test_they_end_at_the_same_widths(self, distribution: str) -> None:
        at_once = cut(model(1.0, 0.5), distribution=distribution, ratio=0.5)
        stepwise = cut(model(1.0, 0.5), distribution=distribution, ratio=0.5, steps=3)
        assert sum(hidden(stepwise)) == sum(hidden(at_once)) == HIDDEN

    def test_a_magnitude_that_does_not_change_cuts_the_same(self) -> None:
        at_once, stepwise = (cut(model(1.0, 1.0), ratio=0.5, steps=steps) for steps in (1, 4))
        images = torch.randn(2, 3, 32, 32)
        torch.testing.assert_close(stepwise(images), at_once(images))

    def test_the_importance_is_measured_before_each(self) -> None:
        batches = Counted()
        cut(model(1.0, 1.0), importance="taylor", batches=batches, steps=3, images=2)
        assert batches.times == 3

    def test_progress_is_told_and_each_step_may_be_the_last(self) -> None:
        recorder = Recorder()
        cut(model(1.0, 1.0), recorder, steps=2)
        done = [(event.done, event.total) for event in recorder.events if isinstance(event, Progress)]
        assert done == [(1, 2), (2, 2)] * 2

    def test_what_a_step_leaves_is_rounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        step = pruning._step

        def watched(made: Any, *rest: Any) -> None:
            step(made, *rest)
            seen.append(hidden(made))

        monkeypatch.setattr(pruning, "_step", watched)
        cut(model(1.0, 1.0), ratio=0.5, steps=4)
        assert seen == [[112, 112], [96, 96], [80, 80], [64, 64]]


class Counted:
    """Calibration images that know how often they were gone through."""

    def __init__(self) -> None:
        self.times = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.times += 1
        yield torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
