"""What a folder of images means, and what is said when it cannot be used."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pqv_core.data import dataset
from pqv_core.data import layout as dataset_layout
from pqv_core.errors import Cancelled, DataError, StorageError


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

    assert caught.value.message.endswith(f"lack: {named}")


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


# what is left out is named ------------------------------------------------------------------------------------


def remarks(folder: Path) -> str:
    return "\n".join(dataset.listing(folder).remarks)


def test_nothing_is_said_where_nothing_is_left_out(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1})
    for name in ("README.md", "cat/labels.csv", "cat/Thumbs.db", "dog/.DS_Store", "dog/desktop.ini", "LICENSE"):
        (tmp_path / name).touch()

    assert remarks(tmp_path) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.HEIC", "1 .heic (HEIC is not read: convert to JPEG)"),
        ("a.cr2", "1 .cr2 (camera RAW is not read"),
        ("a.jxl", "1 .jxl (not read: convert to PNG)"),
        ("a.mp4", "1 .mp4 (videos"),
        ("a.zip", "1 .zip (archives: unpack them)"),
        ("IMG_0001", "1 without a suffix"),
        ("a.jpg ", "1 “.jpg ” (not a supported"),
        (".a.jpg.icloud", "1 .icloud (still in iCloud"),
        ("a.strange", "1 .strange (not a supported"),
    ],
)
def test_files_that_are_skipped_are_counted_with_the_reason(tmp_path: Path, name: str, words: str) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "cat" / name).touch()

    assert words in remarks(tmp_path)


def test_classes_that_end_up_empty_and_images_outside_are_named(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1, "fish": 0, "fox ": 0})
    (tmp_path / "fish" / "a.heic").touch()
    picture(tmp_path / "stray.png")

    text = remarks(tmp_path)

    assert "without images, ignored: fish, “fox ”." in text
    assert "next to the class folders: stray.png." in text


def test_what_is_skipped_is_named_where_nothing_is_left(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 0, "dog": 0})
    (tmp_path / "cat" / "a.heic").touch()

    assert "HEIC" in refusal(tmp_path).message


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", ".AppleDouble", "lost+found", "__pycache__"],
)
def test_system_folders_are_no_classes_and_hold_no_images(tmp_path: Path, name: str) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1, name: 2, f"cat/{name}": 2})

    assert dataset.listing(tmp_path).samples == (("cat/0.png", 0), ("dog/0.png", 1))
    assert remarks(tmp_path) == ""


def test_links_that_lead_nowhere_or_back_are_named(tmp_path: Path) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1})
    for name, target in {"cat/gone.png": "nowhere", "cat/loop": "loop", "cat/up": "..", "round": "round"}.items():
        (tmp_path / name).symlink_to(target)

    assert dataset.listing(tmp_path).counts == (1, 1)
    assert "Skipped broken links: round, cat/gone.png, cat/loop." in remarks(tmp_path)
    assert "Skipped links to folders already scanned: cat/up." in remarks(tmp_path)


def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, {"cat": 1, "dog": 1})
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(StorageError, match=r"Permission denied: .*dog"):
        dataset.listing(tmp_path)


@pytest.mark.parametrize("suffix", [".jfif", ".JIF", ".pjpeg", ".jpe", ".tif", ".dib", ".apng", ".pnm", ".pbm"])
def test_other_suffixes_of_the_same_formats_are_read(tmp_path: Path, suffix: str) -> None:
    kinds = {".tif": "TIFF", ".dib": "DIB", ".apng": "PNG", ".pnm": "PPM", ".pbm": "PPM"}
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        image = Image.new("1" if suffix == ".pbm" else "RGB", (8, 8))
        image.save(tmp_path / name / f"0{suffix}", kinds.get(suffix, "JPEG"))

    found = dataset.scan(tmp_path)

    assert (found.counts, found.unreadable, found.remarks) == ((1, 1), (), ())


# names --------------------------------------------------------------------------------------------------------


def test_names_are_compared_in_the_composed_form_and_paths_stay(tmp_path: Path) -> None:
    forms = {form: unicodedata.normalize(form, "café") for form in ("NFC", "NFD")}
    for form, name in forms.items():
        folder_of(tmp_path / form, {name: 1, "x": 1})
    train, val = (dataset.listing(tmp_path / form) for form in forms)

    dataset.check_pair(train.classes, val.classes)
    assert train.classes == val.classes == (forms["NFC"], "x")
    assert [path for path, _ in val.samples] == [f"{forms['NFD']}/0.png", "x/0.png"]


def test_one_class_may_have_two_folders_of_its_name(tmp_path: Path) -> None:
    folder_of(tmp_path, {unicodedata.normalize(form, "é"): 1 for form in ("NFC", "NFD")} | {"x": 1})
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system takes the two for the same")

    assert dict(zip(dataset.listing(tmp_path).classes, dataset.listing(tmp_path).counts, strict=True)) == {
        "x": 1,
        "é": 2,
    }
    assert "one class" in remarks(tmp_path)


def test_classes_that_are_spelt_otherwise_are_named_together() -> None:
    with pytest.raises(DataError) as caught:
        dataset.check_pair(["Cat", "dog ", "fox"], ["cat", "dog", "fox"])

    assert "cat for Cat, dog for “dog ”" in caught.value.message and "case" in caught.value.action


def test_classes_without_validation_images_are_named() -> None:
    assert dataset.missing_classes(["cat", "dog", "fox"], ["dog"]) == "No validation images for cat, fox."
    assert dataset.missing_classes(["cat", "dog"], ["dog", "cat"]) == ""


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
