"""Scores equal those reckoned by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torch_pruning as tp
from torch import Tensor, nn

from pqv_core.config.prune import IMPORTANCES
from pqv_core.engine.importance import CRITERIA
from pqv_core.errors import Cancelled, PruneError
from tests.fakes.training import Recorder

HIDDEN = 6


def toy() -> Any:
    """Two layers with ``HIDDEN`` channels between them, and three classes."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 3))


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(2)
    return [
        (torch.randn(size, 4, generator=generator), torch.randint(3, (size,), generator=generator)) for size in (5, 3)
    ]


def scores(name: Any, model: Any, images: Iterable[tuple[Tensor, Tensor]] = ()) -> Tensor:
    """Scores of the hidden channels; torch-pruning divides them by their mean."""
    criterion = CRITERIA[name]()
    graph = tp.DependencyGraph().build_dependency(model, example_inputs=torch.zeros(1, 4))
    criterion.prepare(model, images, total=8, context=Recorder().context)
    group = graph.get_pruning_group(model[2], tp.prune_linear_in_channels, idxs=list(range(HIDDEN)))
    return criterion.scores(group)


def normalised(values: Tensor) -> Tensor:
    return values / values.mean()


def test_each_criterion_that_is_offered_is_there() -> None:
    assert set(CRITERIA) == set(IMPORTANCES)


@pytest.mark.parametrize(("name", "power"), [("l1", 1), ("l2", 2)])
def test_magnitude(name: str, power: int) -> None:
    model = toy()
    rows, columns = model[0].weight.abs() ** power, model[2].weight.abs() ** power
    torch.testing.assert_close(scores(name, model), normalised(rows.sum(1) + columns.sum(0)).detach())


def test_taylor() -> None:
    model = toy()
    measured = scores("taylor", model, batches())
    images, labels = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    weights: Any = [model[0].weight, model[2].weight]
    first, second = torch.autograd.grad(F.cross_entropy(model(images), labels), weights)
    expected = (weights[0] * first).abs().sum(1) + (weights[1] * second).abs().sum(0)
    torch.testing.assert_close(measured, normalised(expected).detach())


@pytest.mark.parametrize("name", [name for name, info in IMPORTANCES.items() if info.needs_images])
class TestImages:
    """What all criteria have in common that look at images."""

    def test_the_order_and_size_of_batches_do_not_matter(self, name: Any) -> None:
        images, labels = (torch.cat(parts) for parts in zip(*batches(), strict=True))
        one_by_one = [(images[i : i + 1], labels[i : i + 1]) for i in reversed(range(8))]
        torch.testing.assert_close(scores(name, toy(), batches()), scores(name, toy(), one_by_one))

    def test_weights_that_are_not_finite_are_named(self, name: Any) -> None:
        model = toy()
        model[0].weight.data[0, 0] = float("nan")
        with pytest.raises(PruneError, match="not finite"):
            scores(name, model, batches())

    def test_it_ends_between_batches(self, name: Any) -> None:
        recorder = Recorder()
        recorder.context.cancelled.set()
        with pytest.raises(Cancelled):
            CRITERIA[name]().prepare(toy(), batches(), total=8, context=recorder.context)
