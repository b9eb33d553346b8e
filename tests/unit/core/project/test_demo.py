"""The demo's images, model and project come out whole, whatever was there before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from pqv_core.errors import StorageError
from pqv_core.files.resource_files import resource
from pqv_core.project import demo
from pqv_core.project import project_file as projects


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.create(tmp_path_factory.mktemp("demo") / "new" / "folder")


def _images(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def test_every_digit_is_split_four_to_one(made: Path) -> None:
    counts = {
        digit: tuple(len(list((made.parent / "digits" / split / digit).iterdir())) for split in ("train", "val"))
        for digit in "0123456789"
    }
    labels = json.loads(resource("demo", "digits.json").read_text())["labels"]
    assert {digit: sum(both) for digit, both in counts.items()} == {d: labels.count(d) for d in "0123456789"}
    assert sum(train + val for train, val in counts.values()) == 1797
    assert all(val == (train + val) // 5 for train, val in counts.values())


def test_images_are_grey_of_32_pixels_with_a_black_margin(made: Path) -> None:
    for path in (made.parent / "digits" / "val").rglob("*.png"):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (32, 32))
            border = image.copy()
            border.paste(0, (2, 2, 30, 30))
            assert border.getbbox() is None
            assert image.getextrema()[1] > 100  # type: ignore[operator]  # a digit is there


def test_the_sheet_holds_scikit_learns_digits() -> None:
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    digits = load_digits()
    pairs = list(demo._digits())
    assert [int(label) for label, _ in pairs] == digits.target.tolist()
    assert all(list(image.tobytes()) == (digits.images[i].ravel() * 15).tolist() for i, (_, image) in enumerate(pairs))


def test_two_demos_are_equal(made: Path, tmp_path: Path) -> None:
    other = demo.create(tmp_path)
    assert _images(other.parent) == _images(made.parent)
    assert projects.load(other).config == projects.load(made).config


def test_the_project_opens_and_its_paths_lead_to_the_files(made: Path) -> None:
    config = projects.load(made).config
    assert config == demo.config()
    paths = (config.model.path, config.data.train, config.data.val)
    assert all(stored and projects.resolved_path(stored, project=made).exists() for stored in paths)


def test_a_folder_that_was_half_made_is_completed_and_a_project_kept(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made.parent, folder)
    projects.save(folder / demo.PROJECT_FILE, projects.load(made).changed(note="mine"))
    whole = _images(folder)
    names = list(whole)
    for name in names[::7]:
        (folder / name).unlink()
    (folder / names[1]).write_bytes(whole[names[1]][:40])
    (folder / demo.WEIGHTS_FILE).unlink()
    assert projects.load(demo.create(folder)).note == "mine"
    assert _images(folder) == whole
    assert (folder / demo.WEIGHTS_FILE).read_bytes() == (made.parent / demo.WEIGHTS_FILE).read_bytes()
    assert not list(folder.rglob("*.part"))


def test_a_place_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"not a folder|already exists"):
        demo.create(tmp_path / "file")


def test_what_is_shipped_is_small_and_carries_its_licence() -> None:
    assert sum(resource("demo", name).stat().st_size for name in ("digits.png", "digits.json")) < 150_000
    assert resource("demo", demo.WEIGHTS_FILE).stat().st_size <= 2_000_000
    assert "CC BY 4.0" in resource("demo", "LICENSE.md").read_text()
