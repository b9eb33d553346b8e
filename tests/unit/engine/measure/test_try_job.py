"""Exported files are asked about a person's images: each in its own form, the likeliest classes first."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.measure import try_job
from pqv_core.errors import DataError, ModelError, UsageError
from pqv_core.process.events import Progress
from pqv_core.process.job import TryJob
from tests.fakes.training import FORM, Recorder

CLASSES = ["red", "green", "blue", "dark", "light", "other"]


class ByColor(nn.Module):
    """Logits are the means of the three channels, and three that are constant."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean(dim=(2, 3)) * self.scale
        return torch.cat([means, torch.full_like(means, -9.0)], dim=1)


def export(path: Path, scale: float, *, classes: list[str] | None = CLASSES, described: bool = True) -> Path:
    description = {"preprocessing": asdict(FORM), "classes": classes} if described else {}
    example = torch.zeros(1, *FORM.input_size)
    lite_writer.save(ByColor(scale).eval(), path, example=example, passes="freeze", description=description)
    return path


def asked(folder: Path, images: list[Path], *files: Path) -> TryJob:
    return TryJob(run="t", files=tuple(map(str, files)), images=tuple(map(str, images)))


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.png" for name in ("red", "green", "blue")]
    for path, color in zip(paths, ((255, 0, 0), (0, 255, 0), (0, 0, 255)), strict=True):
        Image.new("RGB", (40, 30), color).save(path)
    return paths


def test_each_file_names_the_likeliest_classes_of_each_image(tmp_path: Path, images: list[Path]) -> None:
    files = export(tmp_path / "a.ptl", 1.0), export(tmp_path / "b.ptl", -1.0)
    recorder = Recorder()
    found = try_job.run(asked(tmp_path, images, *files), recorder.context)

    first, second = (found.guesses[str(file)] for file in files)
    assert [first[str(path)][0].name for path in images] == ["red", "green", "blue"]
    assert all(second[str(path)][0].name != path.stem for path in images)
    for guesses in first.values():
        shares = [guess.share for guess in guesses]
        assert len(shares) == 5
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1.0, abs=1e-3)
    assert found.problems == {}
    assert any(isinstance(event, Progress) and event.part == "answers" for event in recorder.events)


def test_an_output_without_a_name_is_told_by_its_number(tmp_path: Path, images: list[Path]) -> None:
    file = export(tmp_path / "a.ptl", 1.0, classes=["red"])
    found = try_job.run(asked(tmp_path, images[1:2], file), Recorder().context)
    assert found.guesses[str(file)][str(images[1])][0].name == "output 1"


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_answered(tmp_path: Path, images: list[Path]) -> None:
    images[1].write_bytes(b"none")
    file = export(tmp_path / "a.ptl", 1.0)
    found = try_job.run(asked(tmp_path, images, file), Recorder().context)
    assert found.problems == {str(images[1]): "it is not a known image format"}
    assert list(found.guesses[str(file)]) == [str(images[0]), str(images[2])]


def test_no_readable_image_is_an_error(tmp_path: Path) -> None:
    file = export(tmp_path / "a.ptl", 1.0)
    with pytest.raises(DataError, match=r"None of the images can be read; gone\.png"):
        try_job.run(asked(tmp_path, [tmp_path / "gone.png"], file), Recorder().context)


def test_answers_that_are_no_numbers_are_an_error(tmp_path: Path, images: list[Path]) -> None:
    file = export(tmp_path / "a.ptl", float("inf"))
    with pytest.raises(ModelError, match="not finite"):
        try_job.run(asked(tmp_path, images, file), Recorder().context)


def test_a_file_that_does_not_state_its_input_is_refused(tmp_path: Path, images: list[Path]) -> None:
    file = export(tmp_path / "a.ptl", 1.0, described=False)
    with pytest.raises(UsageError, match="does not state its input shape"):
        try_job.run(asked(tmp_path, images, file), Recorder().context)
