"""An app kit: what an app's developer needs of a run, in one folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import app_kit
from deploy.app_kit import examples, writing
from deploy.app_kit.contents import InputRecipe
from deploy.cli.app_kit import found
from deploy.job import Job
from pqv_core.errors import Cancelled, ConfigError, ProjectError, StorageError
from pqv_core.formats import FORMATS, Format
from pqv_core.process.worker_client import Worker
from pqv_core.project.project_file import Project, save
from pqv_core.results import record as results
from tests.fakes.described import PREPROCESSING, described
from tests.fakes.records import measurement, record

FAKE_WORKER = Path(__file__).parents[2] / "fakes" / "window_worker.py"
RECIPE = InputRecipe.model_validate(PREPROCESSING)


def run_of(directory: Path, **said: Any) -> Path:
    """A run for a phone, which has measured its file."""
    directory.mkdir(parents=True)
    plain = record(directory.name)
    there = measurement(30, 31, 32, target="Some Phone")
    variants = tuple(
        one.model_copy(update={"measurements": (*one.measurements, there)}) if one.key == "compressed" else one
        for one in plain.variants
    )
    results.save(directory, plain.model_copy(update={"variants": variants}))
    described(directory / "compressed.ptl", **said)
    return directory


def worker(scene: str) -> Callable[..., Worker]:
    return partial(Worker, command=(sys.executable, str(FAKE_WORKER), scene))


def written(tmp_path: Path, **said: Any) -> Path:
    run = run_of(tmp_path / "a.runs" / "r1", **said)
    app_kit.write(app_kit.read(run), tmp_path / "kit", project=None, job=Job(), worker=worker("good"))
    return tmp_path / "kit"


def test_it_holds_the_file_and_all_that_feeds_and_checks_it(tmp_path: Path) -> None:
    kit = written(tmp_path)
    assert (kit / "model" / "compressed.ptl").read_bytes() == (tmp_path / "a.runs/r1/compressed.ptl").read_bytes()
    assert (kit / "labels.txt").read_text() == "cat\ndog\nship\n"
    steps = json.loads((kit / "preprocessing.json").read_text())
    assert steps["resize"] == {"fits": "shorter side", "height": 35, "width": 35, "interpolation": "bicubic"}
    assert (steps["mean"], steps["std"], steps["channels"]) == ([0.5] * 3, [0.25] * 3, "RGB")
    assert (kit / "example" / "input.f32").stat().st_size == 4 * 3 * 32 * 32
    expected = json.loads((kit / "example" / "expected.json").read_text())["files"]["compressed.ptl"]
    assert (expected["class"], expected["label"], expected["logits"]) == (2, "ship", [1.0, 2.0, 3.0])
    assert expected["devices"] == [{"device": "Some Phone", "median_ms": 31.0, "threads": 2, "relative_error": None}]


def test_its_code_has_the_numbers_of_the_model(tmp_path: Path) -> None:
    kit = written(tmp_path)
    header = (kit / "cpp" / "preprocessing.hpp").read_text()
    assert "kHeight = 32" in header and "kStd = { 0.25f, 0.25f, 0.25f }" in header
    assert "QEngine::QNNPACK" in (kit / "cpp" / "ptl" / "classifier.cpp").read_text()
    assert "floatArrayOf(0.25f, 0.25f, 0.25f)" in (kit / "kotlin" / "Preprocessing.kt").read_text()
    readme = (kit / "README.md").read_text()
    assert "org.pytorch:pytorch_android_lite:1.12.2" in readme and "model/compressed.ptl" in readme


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_way_to_crop_and_every_kind_of_image_is_written_out(tmp_path: Path, mode: str, channels: int) -> None:
    form = {**PREPROCESSING, "crop_mode": mode, "input_size": [channels, 32, 32], "mean": [0.5] * channels}
    run = run_of(tmp_path / "a.runs" / "r1", preprocessing={**form, "std": [0.5] * channels})
    kit = app_kit.read(run)
    example = examples.Example(np.zeros((channels, 32, 32), np.float32), False, {"compressed.ptl": np.ones(3, "f4")})
    code = writing.rendered(kit, example, has_image=False)
    assert not [name for name, text in code.items() if "{{" in text or "{%" in text]
    assert ("eraseColor" in code["kotlin/Preprocessing.kt"]) == (mode == "border")
    assert f"kChannels = {channels};" in code["cpp/preprocessing.hpp"]


def test_a_file_for_this_computer_comes_without_code_for_phones(tmp_path: Path) -> None:
    kit = written(tmp_path, target="host", engine="fbgemm")
    assert not (kit / "kotlin").exists()
    readme = (kit / "README.md").read_text()
    assert "gradle" not in readme and "--target android" in readme


def test_a_format_without_code_promises_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(FORMATS["ptl"]), "app_code", Format.app_code)
    kit = written(tmp_path)
    assert sorted(path.name for path in kit.iterdir()) == [
        "README.md", "example", "labels.txt", "model", "preprocessing.json",
    ]  # fmt: skip
    assert "cpp/" not in (kit / "README.md").read_text()


def test_classes_without_names_are_numbered(tmp_path: Path) -> None:
    assert (written(tmp_path, classes=None) / "labels.txt").read_text() == "0\n1\n2\n"


def test_a_name_of_several_lines_stays_one_label(tmp_path: Path) -> None:
    kit = written(tmp_path, classes=["a\nb", "\x1b[31mc", "d"])
    assert (kit / "labels.txt").read_text().splitlines() == ["ab", "[31mc", "d"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.runs" / "r1")
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="is there already"):
        app_kit.write(app_kit.read(run), tmp_path / "kit", project=None, job=Job(), worker=worker("good"))
    assert [path.name for path in (tmp_path / "kit").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    assert (written(tmp_path) / "README.md").is_file()


def test_one_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.runs" / "r1")
    job = Job()
    job.cancelled.set()
    with pytest.raises(Cancelled):
        app_kit.write(app_kit.read(run), tmp_path / "kit", project=None, job=job, worker=worker("hang"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.runs"]


def test_a_run_without_a_compressed_file_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.runs" / "r1")
    results.save(run, record("r1").model_copy(update={"variants": ()}))
    with pytest.raises(ProjectError, match="no compressed file yet"):
        app_kit.read(run)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.runs" / "r1")
    (run / "compressed.ptl").unlink()
    with pytest.raises(ProjectError, match=r"compressed\.ptl of the run r1 is gone"):
        app_kit.read(run)


def test_no_file_outside_the_run_is_taken(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.runs" / "r1")
    described(tmp_path / "other.ptl")
    kept = results.load(run)
    outside = [one.model_copy(update={"file": "../../other.ptl"}) for one in kept.variants]
    results.save(run, kept.model_copy(update={"variants": tuple(outside)}))
    with pytest.raises(ProjectError, match="is gone"):
        app_kit.read(run)


@pytest.mark.parametrize(
    "form", [None, {}, {**PREPROCESSING, "crop_pct": 0}, {**PREPROCESSING, "std": [float("inf")] * 3}]
)
def test_a_file_that_does_not_say_how_its_input_is_made_is_refused(tmp_path: Path, form: object) -> None:
    with pytest.raises(ProjectError, match="does not say how its input is made"):
        app_kit.read(run_of(tmp_path / "a.runs" / "r1", preprocessing=form))


def test_what_takes_no_image_is_refused(tmp_path: Path) -> None:
    form = {**PREPROCESSING, "input_size": [7, 32, 32], "mean": [0.5] * 7, "std": [0.5] * 7}
    with pytest.raises(ConfigError, match="expects 7"):
        app_kit.read(run_of(tmp_path / "a.runs" / "r1", preprocessing=form))


def test_a_project_stands_for_its_newest_run_with_a_file(tmp_path: Path) -> None:
    save(tmp_path / "a.pqv", Project())
    with pytest.raises(ProjectError, match="no run with a compressed file"):
        found(tmp_path / "a.pqv")
    run = run_of(tmp_path / "a.runs" / "r1")
    assert found(tmp_path / "a.pqv") == (run, tmp_path / "a.pqv")
    assert found(run) == (run, tmp_path / "a.pqv")


@given(st.lists(st.integers(0, 255), min_size=12, max_size=12))
def test_the_pixels_of_an_input_are_those_that_it_was_made_from(levels: list[int]) -> None:
    image = np.array(levels, np.uint8).reshape(2, 2, 3)
    values = (image.transpose(2, 0, 1).astype(np.float32) / 255 - np.float32(0.485)) / np.float32(0.229)
    recipe = RECIPE.model_copy(update={"mean": (0.485,) * 3, "std": (0.229,) * 3})
    back = examples.pixels(values, recipe)
    assert back is not None and (back == image).all()


def test_noise_is_no_image() -> None:
    noise = np.random.default_rng(0).standard_normal((3, 8, 8)).astype(np.float32)
    assert examples.pixels(noise, RECIPE) is None
