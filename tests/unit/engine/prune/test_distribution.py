"""Where pruning cuts, and in how many steps."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine.prune import structured as pruning
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.structure import Width
from pqv_core.process.events import Progress
from tests.fakes.training import Recorder, tiny_vit

HIDDEN = 128
RANKING = [name for name in CRITERIA if name != "random"]
ESTIMATES = [name for name, info in CRITERIA.items() if info.needs_images]


def model(*strength: float) -> Any:
    """Two blocks whose MLPs answer in the given strengths to each channel that comes in."""
    made: Any = tiny_vit()
    for block, factor in zip(made.blocks, strength, strict=True):
        for layer in (block.mlp.fc1, block.mlp.fc2):
            drawn = torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(1))
            layer.weight.data = factor * drawn / layer.in_features**0.5
    return made


def cut(made: Any, recorder: Recorder | None = None, batches: Any = None, **settings: Any) -> Any:
    config = PruneConfig(**{"importance": "l2", "attention": False, "ratio": 0.25, **settings})
    return prune(made, config, batches=batches, context=(recorder or Recorder()).context)


def hidden(made: Any) -> list[int]:
    return [block.mlp.fc1.out_features for block in made.blocks]


def batches() -> list[tuple[Tensor, Tensor]]:
    return [(torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(5)), torch.arange(6) % 3)]


def closed(place: int) -> Any:
    """One MLP has no weights."""
    made = model(1.0, 1.0)
    for layer in (made.blocks[place].mlp.fc1, made.blocks[place].mlp.fc2):
        layer.weight.data.zero_()
    return made


def silent(place: int) -> Any:
    """One MLP has larger weights than the other, but no channel of it is ever active."""
    made = model(1.0, 1.0)
    made.blocks[place].mlp.fc2.weight.data *= 10
    made.blocks[place].mlp.fc1.bias.data.fill_(-1e4)
    return made


def left(place: int, widths: tuple[int, int] = (HIDDEN // 2, HIDDEN)) -> list[int]:
    """The first width at ``place``, the second at the other."""
    return list(widths if place == 0 else reversed(widths))


@pytest.mark.parametrize("place", [0, 1])
class TestGlobal:
    """Where it matters least: the same for each criterion, in either block."""

    @pytest.mark.parametrize("name", RANKING)
    def test_the_least_important_channels_go_wherever_they_are(self, name: Any, place: int) -> None:
        made = model(1e-6, 1.0) if place == 0 else model(1.0, 1e-6)
        cut_ = cut(made, batches=batches(), importance=name, distribution="global")
        assert hidden(cut_) == left(place)

    @pytest.mark.parametrize("name", RANKING)
    def test_what_has_no_weights_is_emptied_first_down_to_the_limit(self, name: Any, place: int) -> None:
        for limit, rest in ((0.25, (96, 96)), (0.375, (80, 112)), (0.5, (64, 128)), (0.9, (64, 128))):
            cut_ = cut(closed(place), batches=batches(), importance=name, distribution="global", max_ratio=limit)
            assert hidden(cut_) == left(place, rest)

    @pytest.mark.parametrize("name", ESTIMATES)
    def test_what_is_never_active_is_emptied_first_however_large_its_weights(self, name: Any, place: int) -> None:
        cut_ = cut(silent(place), batches=batches(), importance=name, distribution="global")
        assert hidden(cut_) == left(place)

    @pytest.mark.parametrize("name", RANKING)
    def test_uniform_cuts_every_layer_alike_whatever_it_is_worth(self, name: Any, place: int) -> None:
        assert hidden(cut(closed(place), batches=batches(), importance=name, distribution="uniform")) == [96, 96]

    def test_a_limit_below_the_ratio_gives_way_to_it(self, place: int) -> None:
        assert hidden(cut(closed(place), distribution="global", ratio=0.5, max_ratio=0.1)) == [64, 64]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", ["l1", "l2"])
def test_the_size_of_a_whole_layer_is_no_matter_for_magnitudes(name: Any, place: int) -> None:
    made = model(0.3, 1.0) if place == 0 else model(1.0, 0.3)
    assert hidden(cut(made, importance=name, distribution="global")) == [96, 96]
    fc1 = made.blocks[place].mlp.fc1  # half of its channels are smaller beside the others than any of the other layer
    fc1.weight.data[: HIDDEN // 2] *= 0.01
    made.blocks[place].mlp.fc2.weight.data[:, : HIDDEN // 2] *= 0.01
    assert hidden(cut(made, importance=name, distribution="global")) == left(place)


def test_what_global_leaves_is_rounded() -> None:
    made = cut(model(0.1, 1.0), batches=batches(), importance="taylor", distribution="global", ratio=0.3, round_to=16)
    assert all(width % 16 == 0 for width in hidden(made))
    assert hidden(made)[0] < hidden(made)[1]


@pytest.mark.parametrize(("unit", "channels"), [("heads", 8), ("inside heads", 4), ("inside heads alike", 4)])
def test_channels_that_go_as_one_cost_together_what_each_does(unit: Any, channels: int) -> None:
    layer = nn.Linear(32, 32)
    width = Width("attention", "proj", layer, layer, "in", channels=32, unit=unit, heads=4)
    costs = torch.ones(32)
    assert set(width.rank(costs, adds_up=True).scores.tolist()) == {channels}
    assert set(width.rank(costs, adds_up=False).scores.tolist()) == {1}


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
        told = [(event.done, event.total, event.share) for event in recorder.events if isinstance(event, Progress)]
        assert told == [(0, 0, 0.0), (1, 2, 0.25), (2, 2, 0.5), (0, 0, 0.5), (1, 2, 0.75), (2, 2, 1.0)]

    def test_what_each_but_the_last_leaves_can_be_trained_and_is_cut_on(self) -> None:
        training = Training()
        config = PruneConfig(importance="l2", attention=False, ratio=0.5, steps=4)
        made = prune(model(1.0, 1.0), config, batches=None, context=Recorder().context, between=training)
        assert training.seen == [(1, [112, 112]), (2, [96, 96]), (3, [80, 80])]
        assert hidden(made) == [64, 64]
        assert made.head.bias.tolist() == [3.0] * 3

    def test_a_step_that_was_done_before_is_only_trained(self) -> None:
        training = Training()
        config = PruneConfig(importance="l2", attention=False, ratio=0.5, steps=4)
        prune(model(1.0, 1.0), config, batches=None, context=Recorder().context, between=training)
        again = Training(begun=training.kept[2])
        made = prune(model(1.0, 1.0), config, batches=None, context=Recorder().context, between=again)
        assert [step for step, _ in again.seen] == [2, 3]
        assert hidden(made) == [64, 64]

    def test_what_a_step_leaves_is_rounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        step = pruning._step

        def watched(made: Any, *rest: Any, **more: Any) -> None:
            step(made, *rest, **more)
            seen.append(hidden(made))

        monkeypatch.setattr(pruning, "_step", watched)
        cut(model(1.0, 1.0), ratio=0.5, steps=4)
        assert seen == [[112, 112], [96, 96], [80, 80], [64, 64]]


class Training:
    """Counts in the head's bias how often it was trained."""

    def __init__(self, begun: tuple[int, nn.Module] | None = None) -> None:
        self._begun = begun
        self.seen: list[tuple[int, list[int]]] = []
        self.kept: dict[int, tuple[int, nn.Module]] = {}

    def resumed(self) -> tuple[int, nn.Module] | None:
        return self._begun

    def train(self, model: Any, step: int) -> nn.Module:
        self.seen.append((step, hidden(model)))
        self.kept[step] = (step, copy.deepcopy(model))
        trained: Any = copy.deepcopy(model)
        trained.head.bias.data.fill_(step)
        return trained  # type: ignore[no-any-return]


class Counted:
    """Calibration images that know how often they were gone through."""

    def __init__(self) -> None:
        self.times = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.times += 1
        yield torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
