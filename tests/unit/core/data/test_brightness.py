"""A set of deep images that comes out dark, or cannot be brought to 8 bits, is told of before it is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pqv_core.config.data import Scale
from pqv_core.data import brightness, dataset


def image_set(folder: Path, brightest: float, kind: str) -> Path:
    for name, value in (("a", brightest / 2), ("b", brightest)):
        (folder / name).mkdir(parents=True)
        Image.fromarray(np.array([[0, value]], kind)).save(folder / name / "1.tif")
    return folder


def found(folder: Path) -> brightness.Found:
    return dataset.brightest(folder, dataset.listing(folder).samples)


@pytest.mark.parametrize(
    ("brightest", "suggested"), [(200, 255), (1000, 1023), (3977, 4095), (4095, 4095), (16383, 16383)]
)
def test_a_set_that_comes_out_dark_is_told_with_what_to_set(tmp_path: Path, brightest: int, suggested: int) -> None:
    values = found(image_set(tmp_path / "set", brightest, "u2"))

    assert brightness.warning(values, Scale()) == (
        f"Images whose brightest value is {brightest} appear dark because white is 65535: "
        f"set data.white={suggested}, or their actual white level."
    )
    assert brightness.warning(values, Scale(white=suggested)) == ""


@pytest.mark.parametrize("brightest", [20_000, 65535])
def test_a_set_that_is_bright_enough_is_not(tmp_path: Path, brightest: int) -> None:
    assert brightness.warning(found(image_set(tmp_path / "set", brightest, "u2")), Scale()) == ""


def test_a_scale_that_is_told_too_large_is_warned_of_too(tmp_path: Path) -> None:
    values = found(image_set(tmp_path / "set", 0.5, "f4"))

    assert "data.white=0.5" in brightness.warning(values, Scale(white=255))
    assert brightness.warning(values, Scale(white=1)) == ""


@pytest.mark.parametrize("kind", ["f4", "i4"])
def test_thirty_two_bits_without_a_scale_are_an_error_for_the_whole_set(tmp_path: Path, kind: str) -> None:
    values = found(image_set(tmp_path / "set", 7, kind))
    error = brightness.missing(values, Scale(), tmp_path)

    assert error is not None
    assert "32-bit values (up to 7)" in error.message and "data.white" in error.action
    assert brightness.missing(values, Scale(white=7), tmp_path) is None
    assert brightness.warning(values, Scale()) == ""


def test_eight_bits_and_broken_files_say_nothing(tmp_path: Path) -> None:
    folder = image_set(tmp_path / "set", 9, "u1")
    (folder / "a" / "2.tif").write_bytes(b"")

    assert found(folder) == {}


def test_the_scan_of_a_folder_keeps_what_it_found(tmp_path: Path) -> None:
    folder = image_set(tmp_path / "set", 4000, "u2")
    Image.fromarray(np.array([[0.0, 3.0]], np.float32)).save(folder / "a" / "2.tif")

    assert dataset.scan(folder).brightest == {65535: 4000, None: 3}
