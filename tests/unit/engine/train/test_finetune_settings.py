"""Each setting of fine-tuning does what it says, and none of them breaks going on after a kill."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from accelerate.state import AcceleratorState
from PIL import Image
from torch import nn

from pqv_core.config import FinetuneConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import evaluate
from pqv_core.engine.train import augment, devices, finetune, objective, optimizer, training_state
from pqv_core.errors import Cancelled, ConfigError, DataError, TrainingError
from pqv_core.process.events import Event, Progress
from tests.fakes.training import FORM, Recorder, image_folder, tiny_vit

BASE = FinetuneConfig(epochs=2, batch_size=8, learning_rate=2e-3, augment=False, device="cpu")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(autouse=True)
def a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread, and no memory of the arithmetic that an earlier training chose."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(training_state, "INTERVAL_SECONDS", 1e9)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    torch.set_num_threads(before)


def tuned(
    folder: Path,
    directory: Path,
    recorder: Recorder,
    config: FinetuneConfig = BASE,
    *,
    model: nn.Module | None = None,
    teacher: nn.Module | None = None,
    validate: bool = True,
) -> nn.Module:
    images = data.open_images(folder, preprocessing=FORM, context=recorder.context)
    return finetune.finetune(
        model or tiny_vit(),
        config,
        train=images,
        val=images if validate else None,
        directory=directory,
        seed=1,
        context=recorder.context,
        teacher=teacher,
    )


def losses(folder: Path, directory: Path, config: FinetuneConfig, **options: nn.Module) -> list[float]:
    recorder = Recorder()
    tuned(folder, directory, recorder, config, **options)
    return list(recorder.curve("train_loss").values())


EVERYTHING = {
    "mixup": {"mixup": 0.8},
    "cutmix": {"mixup": 0.2, "cutmix": 1.0, "label_smoothing": 0.1},
    "ema": {"ema_decay": 0.9},
    "layer decay": {"layer_decay": 0.5},
    "accumulation": {"accumulation": 3},
    "policy": {"augment": True, "auto_augment": "rand-m9-mstd0.5-inc1", "color_jitter": 0.3, "random_erasing": 0.5},
    "distillation": {"distillation": 0.5, "feature_distillation": 1.0},
    "bf16": {"mixed_precision": "bf16"},
}


@pytest.mark.parametrize("change", EVERYTHING.values(), ids=EVERYTHING)
def test_cancelled_in_the_middle_it_ends_at_the_same_weights(
    folder: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    config, teacher = BASE.changed(**change), tiny_vit(seed=5)
    expected = tuned(folder, tmp_path / "whole", Recorder(), config, teacher=teacher).state_dict()

    def ask(event: Event) -> None:
        if isinstance(event, Progress) and event.done in (2, 4):
            recorder.context.cancelled.set()

    for _ in range(2):
        recorder = Recorder(ask)
        with pytest.raises(Cancelled):
            tuned(folder, tmp_path / "cut", recorder, config, teacher=teacher)
    found = tuned(folder, tmp_path / "cut", Recorder(), config, teacher=teacher).state_dict()

    assert [name for name in found if not torch.equal(found[name], expected[name])] == []


def test_accumulation_learns_the_same(folder: Path, tmp_path: Path) -> None:
    whole = losses(folder, tmp_path / "whole", BASE)
    parts = losses(folder, tmp_path / "parts", BASE.changed(accumulation=3))

    assert parts == pytest.approx(whole, rel=1e-4)


def test_the_running_average_is_what_is_kept(folder: Path, tmp_path: Path) -> None:
    slow = tuned(folder, tmp_path / "slow", Recorder(), BASE.changed(ema_decay=0.999999), validate=False)
    plain = tuned(folder, tmp_path / "plain", Recorder(), validate=False)
    start = tiny_vit()

    def distance(model: nn.Module) -> float:
        pairs = zip(model.parameters(), start.parameters(), strict=True)
        return math.sqrt(sum((a - b).square().sum().item() for a, b in pairs))

    assert 0 < distance(slow) < distance(plain)


def test_lower_layers_learn_slower() -> None:
    groups = optimizer.adamw(tiny_vit(), BASE.changed(layer_decay=0.5), CPU)
    optimizer.set_learning_rate(groups, 0.8)
    rates = {id(parameter): group["lr"] for group in groups.param_groups for parameter in group["params"]}
    model_rates = sorted(set(rates.values()))

    assert len(rates) == len(list(tiny_vit().parameters()))
    assert model_rates == pytest.approx([0.1, 0.2, 0.4, 0.8])  # embeddings, two blocks, the head


def test_what_does_not_decay() -> None:
    model = tiny_vit()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = optimizer.adamw(model, BASE.changed(weight_decay=0.1), CPU)
    free = {names[id(p)] for group in found.param_groups if group["weight_decay"] == 0 for p in group["params"]}

    assert {"pos_embed", "cls_token", "norm.weight", "head.bias"} <= free
    assert not any(name.endswith(("qkv.weight", "fc1.weight", "head.weight")) for name in free)


# mixing and changing images -----------------------------------------------------------------------------------


def test_mixing_needs_pairs(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "odd", each=1)
    recorder = Recorder()

    tuned(folder, tmp_path / "state", recorder, BASE.changed(mixup=1.0))
    assert len(recorder.curve("train_loss")) == 2  # three images: one pair a step
    with pytest.raises(DataError, match="at least 2 images"):
        tuned(folder, tmp_path / "one", Recorder(), BASE.changed(mixup=1.0, batch_size=1))


def test_mixed_targets_are_shares() -> None:
    mixer = augment.mixer(BASE.changed(mixup=0.5, cutmix=0.5, label_smoothing=0.2), classes=3)
    assert mixer is not None
    _, targets = mixer(torch.rand(8, 3, 32, 32), torch.arange(8) % 3)

    assert targets.shape == (8, 3) and torch.allclose(targets.sum(1), torch.ones(8))
    assert augment.mixer(BASE, classes=3) is None


def test_erasing_blanks_with_the_mean_colour() -> None:
    white = Image.new("RGB", (32, 32), "white")
    torch.manual_seed(0)
    change = augment.transform(FORM, augment.Augmentation(random_erasing=1.0))

    image = change(white)

    erased = (image != 255).all(0)
    assert 0 < int(erased.sum()) < 32 * 32
    assert image[:, erased].unique(dim=1).flatten().tolist() == [round(255 * mean) for mean in FORM.mean]


def test_without_crop_and_flip_a_square_image_is_left_as_it_is(folder: Path) -> None:
    picture = Image.open(folder / "red" / "000.png").resize((32, 32))
    still = augment.transform(FORM, augment.Augmentation(crop_scale=1.0, flip=0.0))

    assert torch.equal(still(picture), augment.transform(FORM, None)(picture))


@pytest.mark.parametrize("policy", ["rand-m10-n8-inc1", "rand-m0-n8", "augmix-m0", "v0"])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_draw_of_a_policy_ends_the_training(policy: str, channels: int) -> None:
    form = dataclasses.replace(FORM, input_size=(channels, 8, 8), mean=(0.5,) * channels, std=(0.5,) * channels)
    change = augment.transform(form, augment.Augmentation(auto_augment=policy))
    picture = Image.new("RGB" if channels == 3 else "L", (8, 8), 100)
    random.seed(0)
    for _ in range(150):
        assert change(picture).shape == (channels, 8, 8)


@pytest.mark.parametrize("policy", ["rand-m9-mstd0.5-inc1", "augmix-m3", "original", "v0", "3a"])
def test_timms_policies(folder: Path, policy: str) -> None:
    change = augment.transform(FORM, augment.Augmentation(auto_augment=policy))

    assert change(Image.open(folder / "red" / "000.png")).dtype == torch.uint8


@pytest.mark.parametrize("policy", ["rand-q9", "augmix-n3"])
def test_a_policy_that_timm_has_not(policy: str) -> None:
    with pytest.raises(ConfigError, match="Unknown timm augmentation") as caught:
        augment.transform(FORM, augment.Augmentation(auto_augment=policy))
    assert caught.value.field == "finetune.auto_augment"


def test_a_policy_that_is_none() -> None:
    with pytest.raises(ConfigError, match="auto_augment"):
        FinetuneConfig.parse({"auto_augment": "import os"})


def test_smoothing_spreads_a_share_of_the_target() -> None:
    loss = objective.Objective(FinetuneConfig(label_smoothing=0.2), None, torch.no_grad)
    logits, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    targets = 0.8 * F.one_hot(labels, 4) + 0.2 / 4
    expected = -(targets * F.log_softmax(logits, 1)).sum(1).mean()
    torch.testing.assert_close(loss(logits, torch.zeros(5, 3, 2, 2), labels), expected)


# learning from the unpruned model -----------------------------------------------------------------------------


def test_soft_loss_is_the_divergence_of_softened_answers() -> None:
    ours, theirs = torch.randn(5, 7), torch.randn(5, 7)
    p, q = (F.softmax(logits / 3, 1) for logits in (theirs, ours))

    assert objective.soft(ours, theirs, 3) == pytest.approx(9 * float((p * (p / q).log()).sum(1).mean()), rel=1e-4)
    assert float(objective.soft(ours, ours, 3)) == pytest.approx(0, abs=1e-6)


def test_distillation_brings_the_answers_nearer_to_the_teachers(folder: Path, tmp_path: Path) -> None:
    teacher = tiny_vit(seed=9)
    with torch.no_grad():
        teacher.head.weight.mul_(60)  # type: ignore[union-attr,operator]
    config = BASE.changed(epochs=4, distillation=1.0)
    context = Recorder().context
    pictures = torch.stack([image for image, _ in data.open_images(folder, preprocessing=FORM, context=context)])

    def divergence(model: nn.Module) -> float:
        with torch.no_grad():
            return float(objective.soft(model(pictures), teacher(pictures), 2))

    result = tuned(folder, tmp_path, Recorder(), config, teacher=teacher, validate=False)

    assert divergence(result) < 0.7 * divergence(tiny_vit())


def test_features_of_the_teacher_itself_cost_nothing(folder: Path) -> None:
    model = tiny_vit()
    config = BASE.changed(feature_distillation=3.0)
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    loss = objective.Objective(config, model, devices.accelerator(config).autocast)
    other = tiny_vit(seed=8)

    same = loss(objective.Student(model)(images), images, labels).item()
    assert same == pytest.approx(F.cross_entropy(model(images), labels).item(), rel=1e-6)
    logits, features = objective.Student(other)(images)
    distance = F.mse_loss(features, model.forward_features(images))  # type: ignore[operator]
    expected = F.cross_entropy(logits, labels) + 3 * distance
    assert loss((logits, features), images, labels).item() == pytest.approx(expected.item(), rel=1e-5)


def test_features_of_another_width_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="differ in shape"):
        tuned(
            folder,
            tmp_path,
            Recorder(),
            BASE.changed(feature_distillation=1.0),
            teacher=tiny_vit(embed_dim=48),
        )


# ending early, devices ----------------------------------------------------------------------------------------


def test_it_stops_once_it_no_longer_gets_better(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = iter([5, 9, 8, 9, 20])
    tally = lambda *_, **__: evaluate.Tally(top1=next(right), top5=24, loss=1.0, images=24)  # noqa: E731
    monkeypatch.setattr(evaluate, "count", tally)
    recorder, again = Recorder(), Recorder()
    config = BASE.changed(epochs=9, patience=2)

    first = tuned(folder, tmp_path, recorder, config)

    assert list(recorder.curve("val_top1").values()) == [5 / 24, 9 / 24, 8 / 24, 9 / 24]
    assert recorder.lines[-1] == "Fine-tuning ends after epoch 4: epoch 2 is still the best."
    second = tuned(folder, tmp_path, again, config)
    assert again.curve("train_loss") == {}
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    with pytest.raises(TrainingError, match=f"no {device.upper()} device"):
        devices.accelerator(BASE.changed(device=device))


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(TrainingError, match="fp16 needs a GPU"):
        devices.accelerator(BASE.changed(mixed_precision="fp16"))


def test_bf16_is_used_where_asked_for(folder: Path, tmp_path: Path) -> None:
    exact = losses(folder, tmp_path / "fp32", BASE.changed(mixed_precision="auto"))
    AcceleratorState._reset_state(reset_partial_state=True)
    rounded = losses(folder, tmp_path / "bf16", BASE.changed(mixed_precision="bf16"))

    assert rounded != exact and rounded == pytest.approx(exact, rel=0.05)
