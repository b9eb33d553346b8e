"""Training before pruning draws the weak channels and heads towards zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.train import training_state
from pqv_core.engine.train.sparsify import GroupNorm, sparsify
from pqv_core.errors import PruneError
from pqv_core.process.events import Event, Metric, Progress
from tests.fakes.training import FORM, Recorder, image_folder, tiny_vit

pytestmark = pytest.mark.usefixtures("one_thread")

TRAINING = FinetuneConfig(batch_size=8, learning_rate=2e-3, augment=False, device="cpu", distillation=0.5, patience=1)
PRUNE = PruneConfig(importance="l2", sparse_epochs=2, sparse_strength=0.05)
STEPS = 6  # 24 images in batches of 8, twice


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("data") / "images")


def trained(folder: Path, directory: Path, recorder: Recorder, *, prune: PruneConfig = PRUNE) -> Any:
    train = data.open_images(folder, preprocessing=FORM, context=recorder.context)
    return sparsify(tiny_vit(), TRAINING, prune, train=train, directory=directory, seed=3, context=recorder.context)


def norm(model: nn.Module, **settings: Any) -> GroupNorm:
    return GroupNorm(model, PRUNE.changed(**settings), Recorder().context)


def hidden_norms(model: Any, power: int) -> list[Tensor]:
    """Of each block, Σ |w|ᵖ of what enters and leaves each hidden channel."""
    return [
        block.mlp.fc1.weight.detach().abs().pow(power).sum(1) + block.mlp.fc2.weight.detach().abs().pow(power).sum(0)
        for block in model.blocks
    ]


@pytest.mark.parametrize(("importance", "power"), [("l1", 1), ("l2", 2), ("taylor", 2)])
def test_the_norm_is_of_all_weights_that_would_be_cut(importance: str, power: int) -> None:
    model = tiny_vit()
    doomed, total = norm(model, importance=importance, attention=False).shrink(model, 0.0)
    norms = [powers ** (1 / power) for powers in hidden_norms(tiny_vit(), power)]
    assert total == pytest.approx(sum(float(mine.sum()) for mine in norms), rel=1e-5)
    weakest = (mine.sort().values[: len(mine) // 4] for mine in norms)
    assert doomed == pytest.approx(sum(float(mine.sum()) for mine in weakest), rel=1e-5)


@pytest.mark.parametrize("steps", [1, 7])
def test_in_the_whole_phase_what_would_be_cut_loses_its_share_and_the_rest_nothing(steps: int) -> None:
    before, after = tiny_vit(), tiny_vit()
    penalty = norm(after, attention=False, sparse_strength=0.9)
    for _ in range(steps):
        penalty.shrink(after, 1 / steps)
    for old, new in zip(hidden_norms(before, 2), hidden_norms(after, 2), strict=True):
        weak = old.argsort()[: len(old) // 4]
        expected = torch.ones_like(old)
        expected[weak] = 0.1**2
        torch.testing.assert_close(new / old, expected, rtol=1e-4, atol=0)


def test_with_l1_single_weights_become_zero() -> None:
    model: Any = tiny_vit()
    norm(model, importance="l1", attention=False, sparse_strength=0.5).shrink(model, 1.0)
    weight = model.blocks[0].mlp.fc1.weight
    zeros = (weight == 0).sum(1)
    assert (zeros > 0).sum() == len(weight) // 4
    assert zeros.max() < weight.shape[1]


def test_a_head_is_one_unit() -> None:
    before, after = tiny_vit(), tiny_vit()
    norm(after, mlp=False, attention_unit="heads", ratio=0.5).shrink(after, 1.0)
    kept = after.blocks[0].attn.proj.weight / before.blocks[0].attn.proj.weight  # type: ignore[union-attr,operator]
    torch.testing.assert_close(kept[:, :16], kept[:1, :1].expand(32, 16))
    assert not torch.isclose(kept[0, 0], kept[0, 16])


def test_the_embedding_shrinks_with_its_norms() -> None:
    before, after = tiny_vit(), tiny_vit()
    norm(after, mlp=False, attention=False, embedding=True, ratio=0.5).shrink(after, 1.0)
    weights: list[Any] = [model.norm.weight for model in (before, after)]
    kept = (weights[1] / weights[0]).detach()
    torch.testing.assert_close(kept.sort().values, torch.tensor([0.95] * 16 + [1.0] * 16))


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(PruneError, match="embedding"):
        norm(tiny_vit(global_pool="map", class_token=False), embedding=True)


def test_what_will_be_cut_hardly_counts_any_more(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    settings = PRUNE.changed(sparse_epochs=12, sparse_strength=0.99, ratio=0.5)
    before, after = tiny_vit(), trained(folder, tmp_path, recorder, prune=settings)
    assert not after.training
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def changed_by_pruning(model: nn.Module) -> float:
        cut = prune(model, settings, batches=None, context=recorder.context)
        with torch.no_grad():
            return float((model(images) - cut(images)).norm() / model(images).norm())

    assert changed_by_pruning(after) < 0.3 * changed_by_pruning(before)
    curve = recorder.curve("group_norm")
    assert sorted(curve) == list(range(1, 37)) and curve[36] < 0.5 * curve[1]
    assert sorted(recorder.curve("sparse_loss")) == sorted(curve)
    assert not recorder.curve("train_loss")


@pytest.mark.parametrize("moment", range(1, STEPS + 1))
def test_killed_at_any_step_it_ends_at_the_same_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    monkeypatch.setattr(training_state, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(training_state, "COST_SHARE", float("inf"))
    expected = trained(folder, tmp_path / "whole", Recorder()).state_dict()

    def kill(event: Event) -> None:
        if isinstance(event, Progress) and event.done == moment:
            raise Killed

    with pytest.raises(Killed):
        trained(folder, tmp_path / "killed", Recorder(kill))
    again = Recorder()
    found = trained(folder, tmp_path / "killed", again).state_dict()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []
    assert len([event for event in again.events if isinstance(event, Metric)]) == 2 * (STEPS - moment)


def test_another_strength_begins_anew(folder: Path, tmp_path: Path) -> None:
    trained(folder, tmp_path, Recorder())
    again = Recorder()
    trained(folder, tmp_path, again, prune=PRUNE.changed(sparse_strength=0.1))
    assert sorted(again.curve("group_norm")) == list(range(1, STEPS + 1))
    more = Recorder()
    trained(folder, tmp_path, more, prune=PRUNE.changed(sparse_strength=0.1, images=64))
    assert not more.curve("group_norm")  # the images that measure importance are no matter of this training
