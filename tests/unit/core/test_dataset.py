"""What a folder of images means, and what is said when it cannot be used."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pqv_core import dataset, dataset_layout
from pqv_core.errors import Cancelled, DataError


def picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), colour).save(path)
    return path


def folder_of(root: Path, layout: dict[str, int]) -> Path:
    for name, count in layout.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            picture(root / name / f"{index}.png")
    return root


# which folders are meant --------------------------------------------------------------------------------------


def test_plain_class_folders_are_training_images(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1})

    assert dataset_layout.find(tmp_path) == dataset_layout.Pair(train=tmp_path, val=None)


@pytest.mark.parametrize("train", ["train", "Training"])
@pytest.mark.parametrize("val", ["val", "validation", "Valid", "test"])
def test_a_split_folder_is_a_pair(tmp_path: Path, train: str, val: str) -> None:
    for split in (train, val):
        folder_of(tmp_path / split, {"cat": 1, "dog": 1})

    assert dataset_layout.find(tmp_path) == dataset_layout.Pair(train=tmp_path / train, val=tmp_path / val)


def test_val_comes_before_test(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        folder_of(tmp_path / split, {"cat": 1, "dog": 1})

    assert dataset_layout.find(tmp_path).val == tmp_path / "val"


def test_validation_alone(tmp_path: Path) -> None:
    folder_of(tmp_path / "val", {"cat": 1, "dog": 1})

    assert dataset_layout.find(tmp_path) == dataset_layout.Pair(train=None, val=tmp_path / "val")


def test_train_can_be_a_class(tmp_path: Path) -> None:
    folder_of(tmp_path, {"train": 2, "tram": 2})

    assert dataset_layout.find(tmp_path) == dataset_layout.Pair(train=tmp_path, val=None)


def test_a_split_without_class_folders_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path / "train", {"cat": 1, "dog": 1})
    folder_of(tmp_path, {"val": 2})

    with pytest.raises(DataError, match=r"val lie directly in the folder"):
        dataset_layout.find(tmp_path)


NAMES = st.text("abcxyz", min_size=1, max_size=4)
LAYOUTS = st.dictionaries(NAMES, st.integers(0, 3), min_size=0, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(train=LAYOUTS, val=LAYOUTS, depth=st.integers(0, 2))
def test_any_split_is_found_and_listed_or_refused(
    tmp_path_factory: pytest.TempPathFactory, train: dict[str, int], val: dict[str, int], depth: int
) -> None:
    root = tmp_path_factory.mktemp("split")
    for split, layout in (("train", train), ("val", val)):
        (root / split).mkdir()
        for name, count in layout.items():
            inner = root / split / Path(name, *["deeper"] * depth)
            inner.mkdir(parents=True)
            for index in range(count):
                (inner / f"{index}.JPG").touch()

    pair = dataset_layout.find(root)

    assert pair == dataset_layout.Pair(root / "train", root / "val")
    for folder, layout in ((pair.train, train), (pair.val, val)):
        assert folder is not None
        filled = {name: count for name, count in layout.items() if count}
        if len(filled) < 2:
            with pytest.raises(DataError):
                dataset.listing(folder)
        else:
            found = dataset.listing(folder)
            assert dict(zip(found.classes, found.counts, strict=True)) == filled
            assert list(found.classes) == sorted(filled)
            assert all((folder / name).exists() for name, _ in found.samples)


# what lies in them --------------------------------------------------------------------------------------------


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1, "empty": 0, ".hidden": 1, "__MACOSX": 1})
    (tmp_path / "cat" / "notes.txt").write_text("a")
    (tmp_path / "cat" / "._0.png").write_bytes(b"x")
    (tmp_path / "cat" / "folder.png").mkdir()
    picture(tmp_path / "stray.png")

    assert dataset.listing(tmp_path).samples == (("cat/0.png", 0), ("dog/0.png", 1))


def test_folders_that_link_in_a_circle_end(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat", target_is_directory=True)

    names = [name for name, _ in dataset.listing(tmp_path).samples]

    assert "cat/0.png" in names and len(names) <= 3


def refusal(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        dataset.scan(folder)
    assert caught.value.action
    return caught.value


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "gone").message
    assert "does not exist" in refusal(picture(tmp_path / "file.png")).message


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "is empty" in refusal(tmp_path).message


def test_no_images(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("a")

    assert "There are no images" in refusal(tmp_path).message


def test_one_class_only(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 3, "dog": 0})

    assert "belong to one class, cat" in refusal(tmp_path).message


def test_images_without_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")

    assert "directly in the folder" in refusal(tmp_path).message


def test_nothing_readable(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    error = refusal(tmp_path)

    assert "None of the 2 images" in error.message and "cat/a.png" in error.action


def test_validation_classes_must_be_trained(tmp_path: Path) -> None:
    dataset.check_pair(["cat", "dog"], ["dog"])
    with pytest.raises(DataError, match="fox"):
        dataset.check_pair(["cat", "dog"], ["cat", "fox"])


@pytest.mark.parametrize(("count", "named"), [(5, "a, b, c, d, e."), (6, "a, b, c, d, e, ….")])
def test_five_classes_that_are_not_trained_are_named(count: int, named: str) -> None:
    with pytest.raises(DataError) as caught:
        dataset.check_pair(["cat", "dog"], ["cat", *"abcdef"[:count]])

    assert caught.value.message.endswith(f"have not: {named}")


@pytest.mark.parametrize(("cats", "dogs", "shown"), [(10, 2, {"cat": 10, "dog": 2}), (10, 3, {"cat": 9, "dog": 3})])
def test_a_scan_shows_twelve_pictures_at_most(tmp_path: Path, cats: int, dogs: int, shown: dict[str, int]) -> None:
    found = dataset.scan(folder_of(tmp_path, {"cat": cats, "dog": dogs}))

    assert Counter(path.parent.name for path in found.thumbnails) == shown


def test_a_scan_names_what_cannot_be_read(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 3, "dog": 2})
    (tmp_path / "dog" / "1.png").write_bytes(b"\x89PNG")
    told: list[tuple[int, int]] = []

    found = dataset.scan(tmp_path, progress=lambda done, total: told.append((done, total)))

    assert (found.classes, found.counts, found.total) == (("cat", "dog"), (3, 2), 5)
    assert [item.name for item in found.unreadable] == ["dog/1.png"]
    assert told == [(done, 5) for done in range(1, 6)]
    assert len(found.thumbnails) == 4 and tmp_path / "dog" / "1.png" not in found.thumbnails


def test_a_scan_can_be_ended(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 3, "dog": 2})
    seen: list[int] = []

    with pytest.raises(Cancelled):
        dataset.scan(tmp_path, progress=lambda done, total: seen.append(done), cancelled=lambda: len(seen) == 2)

    assert seen == [1, 2]


# choosing some of them ----------------------------------------------------------------------------------------


@given(labels=st.lists(st.integers(0, 6), max_size=80), count=st.integers(0, 100))
def test_a_subset_is_spread_over_the_classes(labels: list[int], count: int) -> None:
    chosen = dataset.spread(labels, count)

    assert chosen == sorted(set(chosen)) and len(chosen) == min(count, len(labels))
    taken, there = Counter(labels[index] for index in chosen), Counter(labels)
    short = [label for label in there if taken[label] < there[label]]
    for label in short:  # nobody who has images left got two fewer than another
        assert max(taken.values(), default=0) - taken[label] <= 1


# has it changed? ----------------------------------------------------------------------------------------------


def test_the_fingerprint_follows_the_images(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 2, "dog": 2})
    seen = [dataset.fingerprint(tmp_path)]
    assert dataset.fingerprint(tmp_path) == seen[0]

    (tmp_path / "cat" / "notes.txt").write_text("no image")
    assert dataset.fingerprint(tmp_path) == seen[0]

    def changed() -> None:
        seen.append(dataset.fingerprint(tmp_path))
        assert len(set(seen)) == len(seen)

    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / "9.png")
    changed()
    (tmp_path / "cat" / "9.png").unlink()
    changed()
    os.utime(tmp_path / "dog" / "0.png", ns=(1, 1))
    changed()
    (tmp_path / "dog" / "1.png").write_bytes(b"other")
    changed()
