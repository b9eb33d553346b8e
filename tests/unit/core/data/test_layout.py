"""The folders that a chosen one means, and layouts that are not one folder a class."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pqv_core.data import dataset
from pqv_core.data import layout as dataset_layout
from pqv_core.errors import DataError


def laid_out(root: Path, *files: str) -> Path:
    """Empty files: which folders are meant is told by names alone."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def split(root: str, *splits: str, of: tuple[str, ...] = ("cat", "dog")) -> list[str]:
    return [f"{root}{each}/{name}/0.jpg" for each in splits for name in of]


@pytest.mark.parametrize(
    ("files", "train", "val"),
    [
        (split("", "train", "val"), "train", "val"),
        (split("set/set/", "train", "val"), "set/set/train", "set/set/val"),
        (split("images/", "train", "val"), "images/train", "images/val"),
        ([*split("images/", "train", "val"), "labels/a.csv", "README.md"], "images/train", "images/val"),
        ([f"{name}/images/{cls}/0.jpg" for name in ("train", "val") for cls in "ab"], "train/images", "val/images"),
        (split("only/", "train"), "only/train", None),
        (split("", "train2017", "val2017"), "train2017", "val2017"),
        (split("", "Training Data", "Test Data"), "Training Data", "Test Data"),
        (split("", "Training", "Testing"), "Training", "Testing"),
        (split("", "train", "dev"), "train", "dev"),
        (split("", "train", "eval"), "train", "eval"),
        (split("", "train", "Test Data"), "train", "Test Data"),
        (split("seg_", "train/seg_train", "test/seg_test"), "seg_train/seg_train", "seg_test/seg_test"),
        (["set/cat/0.jpg", "set/dog/0.jpg"], "set", None),
        (["set/cat/0.jpg", "set/dog/0.jpg", "@eaDir/a/0.jpg", "#recycle/b/0.jpg"], "set", None),
        (["cat/0.jpg", "cat/deep/1.jpg"], ".", None),  # a class, not a folder around one
    ],
)
def test_a_folder_around_the_classes_is_looked_into(
    tmp_path: Path, files: list[str], train: str, val: str | None
) -> None:
    found = dataset_layout.find(laid_out(tmp_path, *files))

    assert found == dataset_layout.Pair(tmp_path / train, tmp_path / val if val else None)


@pytest.mark.parametrize(
    ("files", "val", "ignored"),
    [
        (split("", "train", "val", "test"), "val", "test"),
        (split("", "test2017", "train2017", "val2017"), "val2017", "test2017"),
        ([*split("", "train", "testing"), "extra/0.jpg"], "testing", "extra"),
        ([*split("", "seg_train", "seg_test"), "seg_pred/seg_pred/0.jpg"], "seg_test", "seg_pred"),
    ],
)
def test_what_is_not_used_is_named(tmp_path: Path, files: list[str], val: str, ignored: str) -> None:
    found = dataset_layout.find(laid_out(tmp_path, *files, "docs/README.md"))

    assert (found.val, found.ignored) == (tmp_path / val, (tmp_path / ignored,))
    assert ignored in found.remark


@pytest.mark.parametrize(
    "files",
    [
        ["images/train/0.jpg", "images/val/0.jpg", "labels/train/0.txt", "labels/val/0.txt", "data.yaml"],
        ["train/images/0.jpg", "train/labels/0.txt", "valid/images/0.jpg", "valid/labels/0.txt"],
        ["train2017/0.jpg", "val2017/0.jpg", "annotations/instances_train2017.json"],
        ["VOC/JPEGImages/0.jpg", "VOC/Annotations/0.xml", "VOC/SegmentationClass/0.png"],
        ["images/0.jpg", "labels/0.txt"],
    ],
)
def test_a_set_for_detection_is_called_one(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(DataError, match="object-detection"):
        dataset_layout.find(laid_out(tmp_path, *files))


@pytest.mark.parametrize("folder", ["images/train", "images", "."])
def test_a_part_of_a_set_for_detection_too(tmp_path: Path, folder: str) -> None:
    laid_out(tmp_path, "images/train/0.jpg", "images/val/0.jpg", "labels/train/0.txt")

    with pytest.raises(DataError, match="object-detection"):
        dataset.listing(tmp_path / folder)


def test_a_class_may_be_called_labels(tmp_path: Path) -> None:
    laid_out(tmp_path, "labels/0.jpg", "labels/a.txt", "images/0.jpg")

    assert dataset.listing(tmp_path).classes == ("images", "labels")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([f"{name}/{each}/0.jpg" for name in ("cat", "dog") for each in ("train", "val")], "train/cat and val/cat"),
        ([*split("one/", "train", "val"), *split("two/", "train", "val")], "such as .*one"),
    ],
)
def test_other_layouts_are_refused_with_the_way_out(tmp_path: Path, files: list[str], words: str) -> None:
    with pytest.raises(DataError) as caught:
        dataset_layout.find(laid_out(tmp_path, *files))
    assert caught.match(words) and caught.value.action


def test_splits_are_not_taken_for_classes(tmp_path: Path) -> None:
    laid_out(tmp_path, *split("", "train", "val"))

    with pytest.raises(DataError, match="not the folders of classes") as caught:
        dataset.listing(tmp_path)
    assert str(tmp_path / "train") in caught.value.action


@pytest.mark.parametrize(
    ("splits", "meant"),
    [
        (("train", "val", "test"), ("train", "val")),
        (("val", "test"), ("val", "test")),
        (("train2017", "val2017"), ("train2017", "val2017")),
        (("Training Data", "Test Data"), ("Training Data", "Test Data")),
        (("train_set", "valid_set"), ("train_set", "valid_set")),
        (("seg_pred", "seg_test", "seg_train"), ("seg_train", "seg_test")),
        (("train_1", "train_2"), ("train_1", "train_2")),
    ],
)
def test_parts_of_a_set_are_not_taken_for_classes(
    tmp_path: Path, splits: tuple[str, ...], meant: tuple[str, ...]
) -> None:
    laid_out(tmp_path, *split("", *splits), "docs/README.md")

    with pytest.raises(DataError, match="not the folders of classes") as caught:
        dataset.listing(tmp_path)
    assert all(str(tmp_path / name) in caught.value.action for name in meant)


@pytest.mark.parametrize("beside", ["test/0.jpg", "docs/README.md"])
def test_parts_of_a_set_without_classes_are_not_taken_for_classes(tmp_path: Path, beside: str) -> None:
    laid_out(tmp_path, "train/0.jpg", "val/0.jpg", beside)

    for look in (dataset.listing, dataset_layout.find):
        with pytest.raises(DataError, match="lie directly in the folder"):
            look(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    laid_out(tmp_path, "train/0.jpg", "tram/0.jpg", "bus/0.jpg")

    assert dataset.listing(tmp_path).classes == ("bus", "train", "tram")
    assert dataset_layout.find(tmp_path) == dataset_layout.Pair(tmp_path, None)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_no_link_is_followed_to_what_lies_around_the_folder(tmp_path: Path) -> None:
    root = laid_out(tmp_path / "around" / "set", "cat/0.jpg", "dog/0.jpg")
    laid_out(tmp_path / "around", "other/0.jpg")
    before = dataset.fingerprint(root)
    (root / "dog" / "up").symlink_to(tmp_path / "around")
    found = dataset.listing(root)

    assert (found.classes, len(found.samples)) == (("cat", "dog"), 2)
    assert any("dog/up" in remark for remark in found.remarks)
    assert dataset.fingerprint(root) == before


def test_the_folder_below_is_suggested(tmp_path: Path) -> None:
    laid_out(tmp_path, "images/cat/0.jpg", "images/dog/0.jpg")

    with pytest.raises(DataError) as caught:
        dataset.listing(tmp_path)
    assert str(tmp_path / "images") in caught.value.action


@pytest.mark.parametrize("between", ["", "/images", "/x/images"])
def test_classes_a_level_deeper_are_named(tmp_path: Path, between: str) -> None:
    laid_out(tmp_path, *split("", f"part1{between}", f"part2{between}"))

    assert dataset_layout.find(tmp_path) == dataset_layout.Pair(tmp_path, None)
    (remark,) = dataset.listing(tmp_path).remarks
    assert "part1, part2" in remark and "cat, dog" in remark


@pytest.mark.parametrize(("asked", "there"), [("data", "data "), ("Data", "data"), ("data ", "data")])
def test_a_folder_of_nearly_that_name_is_named(tmp_path: Path, asked: str, there: str) -> None:
    (tmp_path / there).mkdir()
    if (tmp_path / asked).exists():
        pytest.skip("this file system takes the two for the same")

    with pytest.raises(DataError) as caught:
        dataset_layout.find(tmp_path / asked)
    for name, text in ((there, caught.value.action), (asked, caught.value.message)):
        assert (f"“{name}”" if name.endswith(" ") else name) in text
