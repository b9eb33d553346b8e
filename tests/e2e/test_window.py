"""The real window on a real display, walked with the keyboard alone from a new project to the comparison."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from pqv_core import formatting
from pqv_core.comparison import run_names
from pqv_core.results import record as results
from pqv_core.results import select
from pqv_core.results.record import LOCAL, Variant
from tests.e2e.test_large_sets import JUDGED, make_large_images

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 500

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("Xvfb"), reason="Xvfb is not installed"),
]


@pytest.fixture
def display() -> Iterator[str]:
    """An X server of its own, without a window manager."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as said:
            number = said.readline().strip()  # it is there, or it has ended
        yield f":{number}"
        server.terminate()


def walk(scene: str, folder: Path, display: str) -> dict[str, Any]:
    """Start the program in a home of its own; what the robot saw."""
    home = folder / "home"
    for name in ("", "run", "config"):
        (home / name).mkdir(mode=0o700)
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "xcb",
        "DISPLAY": display,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    robot = [sys.executable, str(Path(__file__).with_name("window_robot.py")), scene, str(folder)]
    done = subprocess.run(
        robot, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert "failure" not in said, said["failure"]
    assert done.returncode == 0, done.stderr
    assert said["platform"] == "xcb"
    return said


def the_run(folder: Path) -> results.RunRecord:
    """The only run of the only project below ``folder``."""
    [runs] = folder.rglob("*.runs")
    [record], problems = results.load_all(runs)
    assert not problems
    return record


def check_what_the_screen_says(said: dict[str, Any], record: results.RunRecord) -> None:
    """The Run page and the table of the comparison show what the files hold."""
    assert record.state == "succeeded"
    assert record.variant("fast_fp32") is not None
    judged = select.result(record)
    assert judged is not None
    assert "Complete" in said["run"]
    assert all(words in said["run"] for words in figures(judged))
    assert {row["Run"] for row in said["compare"]} == {run_names.words(record)}
    rows = [(row["Median"].removesuffix(" ⚠"), row["Size"]) for row in said["compare"]]  # marked on a busy machine
    assert sorted(rows) == sorted(map(figures, record.results))


def figures(result: Variant) -> tuple[str, str]:
    """Latency and size of a file, as a person reads them."""
    [measured] = [item for item in result.measurements if item.target == LOCAL]
    assert len(measured.samples_ns) >= 20
    return formatting.milliseconds(measured.median_ms), formatting.size(result.size_bytes)


def test_the_demo(display: str, tmp_path: Path) -> None:
    said = walk("demo", tmp_path, display)
    record = the_run(tmp_path / "home")
    check_what_the_screen_says(said, record)
    judged = select.result(record)
    assert judged is not None
    assert judged.accuracy is not None
    top1 = judged.accuracy
    assert formatting.with_error(top1.top1, top1.top1_error) in said["run"]


def test_a_folder_of_photographs(display: str, tmp_path: Path) -> None:
    photograph(tmp_path / "images")
    said = walk("photographs", tmp_path, display)
    record = the_run(tmp_path / "projects")
    check_what_the_screen_says(said, record)
    assert record.config["model"]["arguments"]["embed_dim"] == 48
    compressed = record.variant("compressed")
    assert compressed is not None
    assert compressed.accuracy is not None
    assert compressed.accuracy.images == 8


def test_more_photographs_than_are_kept_in_memory(display: str, tmp_path: Path) -> None:
    make_large_images(tmp_path / "images")
    said = walk("many", tmp_path, display)
    record = the_run(tmp_path / "projects")
    check_what_the_screen_says(said, record)
    assert record.config["data"]["readers"] == 2
    assert record.pruned_accuracy is not None
    assert record.pruned_accuracy.images == JUDGED


def photograph(folder: Path) -> None:
    """Two classes, circles and squares, in JPEG files of different sizes and one in grey."""
    for split, count in (("train", 8), ("val", 4)):
        for label in ("circles", "squares"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                side = 48 + 8 * number
                image = Image.new("RGB" if number else "L", (side, 64), 40 * number)
                draw = ImageDraw.Draw(image)
                (draw.ellipse if label == "circles" else draw.rectangle)((8, 8, side - 8, 56), fill=255)
                image.save(folder / split / label / f"{number}.jpg")
