"""Scores equal those reckoned by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F  # noqa: N812
import torch_pruning as tp
from torch import Tensor, nn

from pqv_core.criteria import CRITERIA
from pqv_core.engine.importance.hessian import squared_gradients
from pqv_core.engine.prune.dependencies import known_group
from pqv_core.engine.structure import Part
from pqv_core.errors import Cancelled, PruneError
from tests.fakes.training import Recorder, tiny_vit

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
    """Scores of the hidden channels."""
    criterion = CRITERIA.load(name)()
    graph = tp.DependencyGraph().build_dependency(model, example_inputs=torch.zeros(1, 4))
    criterion.prepare(model, images, total=8, context=Recorder().context)
    group = graph.get_pruning_group(model[2], tp.prune_linear_in_channels, idxs=list(range(HIDDEN)))
    return criterion.scores(group)


def test_each_criterion_that_is_offered_is_there() -> None:
    assert set(CRITERIA) == set(CRITERIA)


@pytest.mark.parametrize(("name", "power"), [("l1", 1), ("l2", 2)])
def test_magnitude(name: str, power: int) -> None:
    model = toy()
    rows, columns = model[0].weight.abs() ** power, model[2].weight.abs() ** power
    expected = rows.sum(1) + columns.sum(0)
    torch.testing.assert_close(scores(name, model), expected.detach())


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_columns_in_another_order_belong_to_their_channels(name: Any) -> None:
    layer = nn.Linear(3, 2)
    order = torch.tensor([2, 0, 1])
    group = known_group((Part(layer, "in", indices=order, channels=torch.arange(3)),), [0, 1, 2])
    power = {"l1": 1, "l2": 2}[name]
    torch.testing.assert_close(
        CRITERIA.load(name)().scores(group), layer.weight.detach().abs().pow(power).sum(0)[order]
    )


def test_taylor() -> None:
    model = toy()
    measured = scores("taylor", model, batches())
    images, labels = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    weights: Any = [model[0].weight, model[2].weight]
    first, second = torch.autograd.grad(F.cross_entropy(model(images), labels), weights)
    expected = (weights[0] * first).abs().sum(1) + (weights[1] * second).abs().sum(0)
    torch.testing.assert_close(measured, expected.detach())


def published_loop(model: nn.Module, images: Tensor, labels: Tensor) -> dict[nn.Parameter, Tensor]:
    """Mean of the squared gradients: a backward pass an image, as in torch-pruning's documentation."""
    found = {parameter: torch.zeros_like(parameter) for parameter in model.parameters()}
    for loss in F.cross_entropy(model(images), labels, reduction="none"):
        model.zero_grad()
        loss.backward(retain_graph=True)
        for parameter, total in found.items():
            if parameter.grad is not None:
                total += parameter.grad**2 / len(images)
    model.zero_grad()
    return found


def test_hessian() -> None:
    model = toy()
    measured = scores("hessian", model, batches())
    images, labels = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    squares = published_loop(model, images, labels)
    first, second = model[0].weight, model[2].weight
    expected = (first**2 * squares[first]).sum(1) / 2 + (second**2 * squares[second]).sum(0) / 2
    torch.testing.assert_close(measured, expected.detach())


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "vit": tiny_vit,
    "swin (windows of an image stand in the batch)": lambda: timm.create_model(
        "swin_tiny_patch4_window7_224", img_size=32, window_size=4, embed_dim=8, depths=(1, 1), num_heads=(1, 2)
    ),
    "repvit (convolutions and batch norms)": lambda: timm.create_model("repvit_m0_9", embed_dim=(8, 16), depth=(1, 1)),
    "edgenext (norms of channels first)": lambda: timm.create_model(
        "edgenext_xx_small", dims=(8, 16, 16, 16), depths=(1, 1, 1, 1), heads=(1, 1, 1, 1)
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_squared_gradients_equal_the_published_loop(network: str) -> None:
    torch.manual_seed(0)
    model = NETWORKS[network]().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 1])
    context = Recorder().context
    measured = squared_gradients(model, [(images[:3], labels[:3]), (images[3:], labels[3:])], total=4, context=context)
    expected = published_loop(model, images, labels)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.LayerNorm):
            assert module.weight in measured, module
    for parameter, squares in measured.items():
        scale = expected[parameter].abs().max()
        torch.testing.assert_close(squares, expected[parameter], rtol=1e-5, atol=float(1e-5 * scale))
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_hessian_trace_approaches_the_diagonal_of_the_hessian() -> None:
    model = toy()
    torch.manual_seed(1)
    images, labels = batches()[0]
    measured = scores("hessian_trace", model, [(images, labels)] * 1500)

    def loss(first: Tensor, second: Tensor) -> Tensor:
        hidden = torch.tanh(F.linear(images, first, model[0].bias))
        return F.cross_entropy(F.linear(hidden, second, model[2].bias), labels)

    weights: Any = (model[0].weight.detach(), model[2].weight.detach())
    blocks: Any = torch.autograd.functional.hessian(loss, weights)
    diagonals = [blocks[i][i].reshape(w.numel(), -1).diagonal().view_as(w).abs() for i, w in enumerate(weights)]
    expected = (weights[0] ** 2 * diagonals[0]).sum(1) / 2 + (weights[1] ** 2 * diagonals[1]).sum(0) / 2
    torch.testing.assert_close(measured, expected, rtol=0.15, atol=float(0.05 * expected.mean()))


def test_random_follows_the_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        model = toy()
        torch.manual_seed(seed)
        drawn.append(scores("random", model))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("name", [name for name, info in CRITERIA.items() if info.needs_images])
class TestImages:
    """What all criteria have in common that look at images."""

    def test_the_order_and_size_of_batches_do_not_matter(self, name: Any) -> None:
        if name == "hessian_trace":
            pytest.skip("each batch draws a vector")
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
            CRITERIA.load(name)().prepare(toy(), batches(), total=8, context=recorder.context)
