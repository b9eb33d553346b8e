"""Accuracy is counted over every readable image."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import evaluate
from pqv_core.errors import Cancelled, DataError, ModelError
from pqv_core.process.events import Progress
from tests.fakes.training import FORM, Recorder, image_folder, tiny_vit

CLASSES = ("a", "b", "c", "d", "e", "f")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def images(tmp_path: Path, recorder: Recorder) -> data.Images:
    folder = image_folder(tmp_path / "images", classes=CLASSES, each=2)
    return data.open_images(folder, preprocessing=FORM, context=recorder.context)


def constant(*logits: float) -> evaluate.Answer:
    return lambda pictures: torch.tensor([logits]).expand(len(pictures), -1)


def test_ranks_and_loss_of_a_constant_answer(images: data.Images, recorder: Recorder) -> None:
    found = evaluate.accuracy(constant(0, 1, 2, 3, 4, 5), images, batch_size=5, context=recorder.context)

    logits = torch.arange(6.0)
    assert (found.top1, found.top5, found.images) == (1 / 6, 5 / 6, 12)
    assert found.loss == pytest.approx(float(logits.exp().sum().log() - logits.mean()))


def test_top5_of_fewer_classes_is_all(tmp_path: Path, recorder: Recorder) -> None:
    folder = image_folder(tmp_path / "two", classes=("a", "b"), each=1)
    images = data.open_images(folder, preprocessing=FORM, context=recorder.context)

    assert evaluate.accuracy(constant(1, 0), images, batch_size=2, context=recorder.context).top5 == 1


def test_the_size_of_the_batch_does_not_matter(images: data.Images, recorder: Recorder) -> None:
    model = tiny_vit(6)
    results = [evaluate.accuracy(model, images, batch_size=size, context=recorder.context) for size in (1, 5, 12)]

    assert len({result.top1 for result in results}) == 1
    assert all(result.loss == pytest.approx(results[0].loss, rel=1e-6) for result in results)


def test_progress_is_told_in_images(images: data.Images, recorder: Recorder) -> None:
    evaluate.accuracy(constant(*range(6)), images, batch_size=5, context=recorder.context)

    told = [(event.done, event.total) for event in recorder.events if isinstance(event, Progress)]
    assert told == [(5, 12), (10, 12), (12, 12)]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_judged_in_eval_mode_and_left_as_it_was(
    images: data.Images, recorder: Recorder, training: bool
) -> None:
    model = tiny_vit(6, drop_rate=0.5).train(training)
    losses = {evaluate.accuracy(model, images, batch_size=4, context=recorder.context).loss for _ in range(2)}

    assert len(losses) == 1 and model.training is training


def test_unreadable_images_do_not_count(images: data.Images, recorder: Recorder) -> None:
    (images._recipe.folder / "a" / "000.png").write_bytes(b"")

    found = evaluate.accuracy(constant(9, 0, 0, 0, 0, 0), images, batch_size=1, context=recorder.context)

    assert (found.images, found.top1) == (11, 1 / 11)
    assert "a/000.png" in recorder.context.warnings[0]


@pytest.mark.parametrize("size", [1, 5, 12])
def test_each_readable_image_has_its_own_answer(images: data.Images, recorder: Recorder, size: int) -> None:
    (images._recipe.folder / "b" / "001.png").write_bytes(b"")  # the fourth
    model = tiny_vit(6)

    tally = evaluate.judged(model, images, batch_size=size, context=recorder.context)

    alone = {index: int(model(images[index][0][None]).argmax()) for index in range(12) if index != 3}
    assert tally.answers == alone
    assert tally.top1 == sum(images.labels[index] == answer for index, answer in alone.items())


def test_classes_beyond_the_models_are_refused(images: data.Images, recorder: Recorder) -> None:
    with pytest.raises(DataError, match="has 3 outputs"):
        evaluate.accuracy(tiny_vit(3), images, batch_size=12, context=recorder.context)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_answer_that_is_no_number_is_an_error(images: data.Images, recorder: Recorder, bad: float) -> None:
    with pytest.raises(ModelError, match="not finite"):
        evaluate.accuracy(constant(0, 0, bad, 0, 0, 0), images, batch_size=4, context=recorder.context)


def test_it_ends_after_the_batch_at_work(images: data.Images, recorder: Recorder) -> None:
    asked: list[int] = []

    def model(pictures: Tensor) -> Tensor:
        asked.append(len(pictures))
        recorder.context.cancelled.set()
        return torch.zeros(len(pictures), 6)

    with pytest.raises(Cancelled):
        evaluate.accuracy(model, images, batch_size=3, context=recorder.context)
    assert asked == [3]
