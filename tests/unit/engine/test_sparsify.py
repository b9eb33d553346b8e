"""Training before pruning draws the weak channels and heads towards zero."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.engine import data, training_state
from pqv_core.engine.sparsify import GroupNorm, sparsify
from pqv_core.errors import PruneError
from pqv_core.events import Event, Metric, Progress
from tests.fakes.training import FORM, Recorder, image_folder, tiny_vit

TRAINING = FinetuneConfig(batch_size=8, learning_rate=2e-3, augment=False, device="cpu", distillation=0.5, patience=1)
PRUNE = PruneConfig(importance="l2", sparse_epochs=2, sparse_strength=0.05)
STEPS = 6  # 24 images in batches of 8, twice


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(folder: Path, directory: Path, recorder: Recorder, *, prune: PruneConfig = PRUNE) -> Any:
    train = data.open_images(folder, preprocessing=FORM, context=recorder.context)
    return sparsify(tiny_vit(), TRAINING, prune, train=train, directory=directory, seed=3, context=recorder.context)


def norm(model: nn.Module, **settings: Any) -> GroupNorm:
    return GroupNorm(model, PRUNE.changed(**settings), Recorder().context)


def hidden_norms(model: Any, power: int) -> list[Tensor]:
    """Of each block, Σ |w|ᵖ of what enters and leaves each hidden channel."""
    return [
        block.mlp.fc1.weight.abs().pow(power).sum(1) + block.mlp.fc2.weight.abs().pow(power).sum(0)
        for block in model.blocks
    ]


@pytest.mark.parametrize(("importance", "power"), [("l1", 1), ("l2", 2), ("taylor", 2)])
def test_the_loss_is_the_group_norm(importance: str, power: int) -> None:
    model = tiny_vit()
    loss, total = norm(model, importance=importance, attention=False)(model)
    expected, norms = 0.0, 0.0
    for powers in hidden_norms(model, power):
        size = powers ** (1 / power)
        gamma = 2 ** (4 * (size.max() - size) / (size.max() - size.min()))
        expected += float((gamma * powers).sum() / power) * PRUNE.sparse_strength
        norms += float(size.sum())
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(total) == pytest.approx(norms, rel=1e-5)


def test_its_gradient_is_torch_prunings() -> None:
    """λ γ w, with γ from 1 for the strongest channel to 16 for the weakest."""
    model: Any = tiny_vit()
    norm(model, attention=False)(model)[0].backward()
    layer = model.blocks[0].mlp.fc1
    gamma = (layer.weight.grad / layer.weight.detach() / PRUNE.sparse_strength).mean(1)
    size = hidden_norms(model, 2)[0]
    assert gamma[size.argmax()] == pytest.approx(1, rel=1e-4)
    assert gamma[size.argmin()] == pytest.approx(16, rel=1e-4)
    assert model.blocks[0].attn.qkv.weight.grad is None


def test_a_head_is_one_unit() -> None:
    model: Any = tiny_vit()
    norm(model, mlp=False, attention_unit="heads")(model)[0].backward()
    strength = model.blocks[0].attn.proj.weight.grad / model.blocks[0].attn.proj.weight.detach()
    torch.testing.assert_close(strength[:, :16], strength[:1, :1].expand(32, 16))
    assert not torch.isclose(strength[0, 0], strength[0, 16])


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(PruneError, match="embedding"):
        norm(tiny_vit(global_pool="map", class_token=False), embedding=True)


def test_the_weak_become_weaker(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    before, after = tiny_vit(), trained(folder, tmp_path, recorder, prune=PRUNE.changed(sparse_epochs=12))
    assert not after.training
    for old, new in zip(hidden_norms(before, 2), hidden_norms(after, 2), strict=True):
        weak = old.argsort()[:32]
        assert (new[weak].sum() / new.sum()) < 0.9 * (old[weak].sum() / old.sum())
    curve = recorder.curve("group_norm")
    assert sorted(curve) == list(range(1, 37)) and curve[36] < 0.9 * curve[1]
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
    trained(folder, tmp_path, more, prune=PRUNE.changed(sparse_strength=0.1, ratio=0.5))
    assert not more.curve("group_norm")  # the ratio is no matter of this training
