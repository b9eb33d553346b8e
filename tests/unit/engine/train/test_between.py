"""Fine-tuning between two steps of pruning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.train import between, training_state
from pqv_core.process.events import Event, Metric, Progress
from tests.fakes.training import FORM, Recorder, image_folder, tiny_vit

pytestmark = pytest.mark.usefixtures("one_thread")

TUNING = FinetuneConfig(epochs=30, batch_size=8, learning_rate=2e-3, augment=False, device="cpu", patience=1)
PRUNE = PruneConfig(importance="l2", steps=3, epochs_between=2)
STEPS = 6  # 24 images in batches of 8, twice


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("data") / "images")


def trained(folder: Path, directory: Path, recorder: Recorder, *, before: int = 0, **changes: Any) -> nn.Module:
    images = data.open_images(folder, preprocessing=FORM, context=recorder.context)
    return between.train(
        tiny_vit(),
        between.phase(TUNING.changed(**changes), PRUNE),
        before=before,
        images=images,
        directory=directory,
        seed=3,
        context=recorder.context,
        teacher=tiny_vit(seed=1) if changes else None,
    )


def test_it_learns_for_as_long_as_was_asked_and_tells_the_loss_alone(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    made = trained(folder, tmp_path, recorder)
    curve = recorder.curve("between_loss")
    assert list(curve) == list(range(1, STEPS + 1))
    assert curve[STEPS] < curve[1]
    assert {event.name for event in recorder.events if isinstance(event, Metric)} == {"between_loss"}
    assert not made.training


def test_the_curve_goes_on_after_those_before(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    trained(folder, tmp_path, recorder, before=2)
    points = [event for event in recorder.events if isinstance(event, Metric)]
    assert [point.step for point in points] == list(range(2 * STEPS + 1, 3 * STEPS + 1))
    assert points[-1].epoch == pytest.approx(6)


@pytest.mark.parametrize("changes", [{"distillation": 0.9}, {"feature_distillation": 5.0}])
def test_it_learns_from_the_unpruned_model_where_fine_tuning_does(
    folder: Path, tmp_path: Path, changes: dict[str, float]
) -> None:
    alone, taught = Recorder(), Recorder()
    trained(folder, tmp_path / "alone", alone)
    trained(folder, tmp_path / "taught", taught, **changes)
    assert alone.curve("between_loss") != taught.curve("between_loss")


def test_what_is_averaged_can_be_cut_by_gradients(folder: Path, tmp_path: Path) -> None:
    made = trained(folder, tmp_path, Recorder(), ema_decay=0.5)
    assert all(parameter.requires_grad for parameter in made.parameters())


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
    assert list(again.curve("between_loss")) == list(range(moment + 1, STEPS + 1))
