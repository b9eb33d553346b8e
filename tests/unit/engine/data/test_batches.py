"""Folders of images become tensors in the model's form."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from timm.data import create_transform

from pqv_core.engine.data import batches as data
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.data.readers import Readers
from pqv_core.engine.train.augment import Augmentation
from pqv_core.errors import Cancelled, DataError
from tests.fakes.training import FORM, Recorder, image_folder

LARGE = Preprocessing(input_size=(3, 48, 40), interpolation="bilinear", crop_pct=0.8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "images")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def opened(folder: Path, recorder: Recorder, form: Preprocessing = FORM, **options: object) -> data.Images:
    return data.open_images(folder, preprocessing=form, context=recorder.context, **options)  # type: ignore[arg-type]


def pixels(images: data.Images, *, epoch: int = 0) -> torch.Tensor:
    return torch.cat([batch.images for batch in images.in_order(4, epoch=epoch)])


@pytest.mark.parametrize("form", [FORM, LARGE, replace(LARGE, crop_mode="squash")])
def test_an_image_looks_as_timm_makes_it(folder: Path, recorder: Recorder, form: Preprocessing) -> None:
    theirs = create_transform(
        form.input_size,
        is_training=False,
        interpolation=form.interpolation,
        mean=form.mean,
        std=form.std,
        crop_pct=form.crop_pct,
        crop_mode=form.crop_mode,
    )
    image, label = opened(folder, recorder, form)[9]

    assert label == 1
    assert torch.equal(image, theirs(Image.open(folder / "green" / "001.png")))


def test_one_channel(folder: Path, recorder: Recorder) -> None:
    grey = Preprocessing(input_size=(1, 32, 32), mean=(0.5,), std=(0.5,))

    assert opened(folder, recorder, grey)[0][0].shape == (1, 32, 32)


def test_labels_index_the_classes_that_are_given(tmp_path: Path, recorder: Recorder) -> None:
    val = image_folder(tmp_path / "val", classes=("cat", "fox"), each=1)

    images = opened(val, recorder, classes=["ant", "cat", "dog", "fox"])

    assert images.labels == [1, 3] and images.classes == ("ant", "cat", "dog", "fox")
    with pytest.raises(DataError, match="fox"):
        opened(val, recorder, classes=["ant", "cat"])


def test_a_limit_is_spread_over_the_classes(folder: Path, recorder: Recorder) -> None:
    assert opened(folder, recorder, limit=6).labels == [0, 0, 1, 1, 2, 2]


def test_augmentation_depends_on_the_place_alone(folder: Path, recorder: Recorder) -> None:
    images = opened(folder, recorder).augmented(Augmentation(), seed=5)
    first = pixels(images, epoch=1)

    torch.manual_seed(99)
    backwards = [next(images.batches([[(1, index)]])).images for index in reversed(range(len(images)))]

    assert torch.equal(first, torch.cat(backwards[::-1]))
    assert not torch.equal(first, pixels(images, epoch=2))
    assert not torch.equal(first, pixels(images.augmented(Augmentation(), seed=6), epoch=1))
    assert torch.equal(pixels(images.plain()), pixels(opened(folder, recorder)))


@pytest.mark.parametrize(("count", "started"), [(data.READ_AHEAD_FROM - 1, 0), (data.READ_AHEAD_FROM, 2)])
def test_many_images_are_read_ahead_in_other_processes_with_the_same_result(
    tmp_path: Path, recorder: Recorder, count: int, started: int
) -> None:
    folder = image_folder(tmp_path / "many", classes=("blue", "red"), each=256)
    for path in sorted((folder / "blue").iterdir())[count - 512 :] if count < 512 else ():
        path.unlink()
    (folder / "red" / "000.png").write_bytes(b"cut")
    here = opened(folder, recorder).augmented(Augmentation(), seed=1)
    expected = pixels(here)
    with Readers(2) as recorder.context.readers:
        ahead = opened(folder, recorder).augmented(Augmentation(), seed=1)
        first = pixels(ahead)  # read here: the processes are not up yet
        for greeting in recorder.context.readers._greeting:
            greeting.join()
        assert recorder.context.readers.is_up == bool(started)
        again = pixels(ahead)
        assert len(multiprocessing.active_children()) == started

    assert torch.equal(first, expected) and torch.equal(again, expected)
    assert set(ahead._unreadable.values()) == {"it is not a known image format"}
    assert ahead._unreadable == here._unreadable


@pytest.mark.parametrize("augment", [False, True])
def test_what_is_remembered_is_not_read_again(folder: Path, recorder: Recorder, augment: bool) -> None:
    images = opened(folder, recorder)
    if augment:
        images = images.augmented(Augmentation(), seed=0)
    images.remember()
    first = pixels(images)
    for path in folder.rglob("*.png"):
        path.unlink()

    assert torch.equal(pixels(images), first)


def test_more_than_fits_is_not_remembered(folder: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "KEPT_BYTES", 24 * 24 * 24 * 3 - 1)
    images = opened(folder, recorder).augmented(Augmentation(), seed=0)

    images.remember()

    assert images._kept is None


def test_an_unreadable_image_is_left_out_and_named(folder: Path, recorder: Recorder) -> None:
    (folder / "green" / "003.png").write_bytes(b"")
    images = opened(folder, recorder)

    batches = list(images.in_order(4))
    images.report_unreadable()

    assert [len(batch.labels) for batch in batches] == [4, 4, 3, 4, 4, 4]
    named = "green/003.png (the file is empty)"
    assert recorder.lines == [
        f"{named} cannot be read and is skipped.",
        f"1 of 24 images could not be read and were skipped: {named}.",
    ]
    assert recorder.context.warnings == recorder.lines[1:]


def test_the_next_image_stands_in_while_training(folder: Path, recorder: Recorder) -> None:
    for number in (3, 4):
        (folder / "green" / f"00{number}.png").write_bytes(b"")
    images = opened(folder, recorder)

    batch = next(images.batches([[(0, 11), (0, 13)]], substitute=True))

    assert torch.equal(batch.images[0], batch.images[1])
    assert torch.equal(images[11][0], images[13][0])


def test_too_many_unreadable_images_are_refused(folder: Path, recorder: Recorder) -> None:
    for number in range(3):
        (folder / "red" / f"00{number}.png").write_bytes(b"")

    with pytest.raises(DataError, match=r"3 of 24 images in .* cannot be read: red/000.png") as caught:
        list(opened(folder, recorder).in_order(8))

    assert caught.value.details.count("the file is empty") == 3


def test_no_readable_image_is_refused(tmp_path: Path, recorder: Recorder) -> None:
    folder = image_folder(tmp_path / "bad", classes=("a", "b"), each=1)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    images = opened(folder, recorder)

    with pytest.raises(DataError, match="2 of 2"):
        images[0]
    with pytest.raises(DataError, match="2 of 2"):
        list(opened(folder, recorder).in_order(8))


def test_the_end_is_noticed_before_the_next_image(folder: Path, recorder: Recorder) -> None:
    batches = opened(folder, recorder).in_order(4)
    next(batches)
    recorder.context.cancelled.set()

    with pytest.raises(Cancelled):
        next(batches)


def test_calibration_images_are_spread_and_mixed(folder: Path, recorder: Recorder) -> None:
    def batches(seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return list(
            data.calibration_batches(
                folder, preprocessing=FORM, images=12, batch_size=5, seed=seed, context=recorder.context
            )
        )

    found = batches(1)
    labels = torch.cat([labels for _, labels in found])

    assert [len(labels) for _, labels in found] == [5, 5, 2]
    assert found[0][0].shape == (5, 3, 32, 32) and found[0][0].dtype == torch.float32
    assert labels.bincount().tolist() == [4, 4, 4] and len(set(found[0][1].tolist())) > 1
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(found, batches(1), strict=True))
    assert not torch.equal(labels, torch.cat([labels for _, labels in batches(2)]))


def test_every_index_is_there_and_no_other(folder: Path, recorder: Recorder) -> None:
    images = opened(folder, recorder)

    assert len([label for _, label in images]) == 24  # the old iteration protocol ends by IndexError
    with pytest.raises(IndexError):
        images[-1]
