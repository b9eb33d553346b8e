"""A run for grey images of a 12-bit camera, and one for four channels: from the images to what a phone is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pqv_core.engine.measure import answer_job
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.process.job import AnswerJob
from pqv_core.project import project_file as projects
from tests.e2e.test_run import SMALL, only_record, pqv
from tests.fakes.training import Recorder

WHITE = 4095


def picture(channels: int, light: int, rng: np.random.Generator) -> Image.Image:
    if channels == 1:
        return Image.fromarray(rng.integers(0, WHITE // 2, (32, 32), np.uint16) + np.uint16(light * WHITE // 2))
    return Image.fromarray(rng.integers(0, 128, (32, 32, 4), np.uint8) + np.uint8(light * 127), "RGBA")


def make_project(folder: Path, channels: int) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6)):
        for light, name in enumerate(("dark", "light")):
            (folder / "images" / split / name).mkdir(parents=True)
            for number in range(count):
                picture(channels, light, rng).save(folder / "images" / split / name / f"{number}.png")
    settings: dict[str, Any] = {f"model.arguments.{key}": value for key, value in SMALL.items()}
    settings |= {"model.arguments.in_chans": channels, "data.white": WHITE, "finetune.batch_size": 8}
    settings |= {
        "finetune.random_erasing": 0.5,
        "measure.iterations": 5,
        "measure.warmup": 1,
        "measure.threads": 1,
        "measure.profile": "false",
    }
    more = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    new = ("new", "few.pqv", "--model", "vit_tiny_patch16_224", "--random", "--data", "images")
    chosen = ("--importance", "taylor", "--ratio", "0.5", "--epochs", "1", "--precision", "int8-static")
    made = pqv(*new, *chosen, "--engine", "onednn", *more, folder=folder)
    assert made.returncode == 0, made.stderr
    return folder / "few.pqv"


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_a_run_with_other_channels_goes_all_the_way(tmp_path: Path, channels: int) -> None:
    project = make_project(tmp_path, channels)
    done = pqv("run", project, folder=tmp_path)
    assert done.returncode == 0, done.stderr

    record = only_record(project)
    assert record.state == "succeeded"
    assert not [text for text in record.warnings if "dark" in text]
    assert record.variants[-1].accuracy is not None and record.variants[-1].accuracy.images == 12
    file = projects.runs_directory(project) / record.id / record.variants[-1].file
    described = ptl.read(file)
    assert described.input_shape == (1, channels, 32, 32)
    assert described.description["preprocessing"]["white"] == WHITE
    asked = AnswerJob(
        run="ask", files=(str(file),), folder=str(tmp_path), val=str(project.parent / "images/val"), images=4
    )
    found = answer_job.run(asked, Recorder().context)
    inputs = np.fromfile(found.inputs, "<f4").reshape(found.count, channels, 32, 32)
    assert found.labels == (0, 0, 1, 1)
    light, dark = inputs[3:].mean(), inputs[1:3].mean()
    assert light - dark == pytest.approx(1.0, abs=0.1)  # half of white, over a deviation of 0.5
