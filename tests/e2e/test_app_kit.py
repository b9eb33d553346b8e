"""An app kit's C++ code, built with PyTorch's own libraries, gives the answers that the kit says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from tests.e2e.conftest import why_not_built
from tests.e2e.test_run import SMALL, pqv


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """Of a run without images, so that its example is noise."""
    settings = [f"model.arguments.{key}={value}" for key, value in {**SMALL, "num_classes": 3}.items()]
    settings += ["measure.iterations=5", "measure.warmup=1", "measure.threads=1"]
    more = [word for setting in settings for word in ("--set", setting)]
    made = pqv("new", "a.pqv", "--model", "vit_tiny_patch16_224", "--random", *more, folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert pqv("run", "a.pqv", folder=tmp_path).returncode == 0
    done = pqv("export-kit", "a.pqv", "kit", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["path"] == str(tmp_path / "kit")
    return tmp_path / "kit"


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not_built()), reason=why_not_built())
def test_its_program_gives_the_answer_that_it_says(kit: Path) -> None:
    build = kit / "build"
    torch_dir = Path(torch.__file__).parent
    for command in (
        ["cmake", "-S", str(kit / "cpp/ptl"), "-B", str(build), f"-DTORCH_DIR={torch_dir}"],
        ["cmake", "--build", str(build)],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
    (name,) = (path.name for path in (kit / "model").iterdir())
    words = [str(build / "classify"), str(kit / "model" / name), str(kit / "labels.txt")]
    said = subprocess.run([*words, str(kit / "example/input.f32")], capture_output=True, text=True, check=True).stdout
    expected = json.loads((kit / "example/expected.json").read_text())["files"][name]["logits"]
    assert [float(line) for line in said.splitlines()[3:]] == pytest.approx(expected, abs=1e-5)
    broken = subprocess.run([*words, str(kit / "README.md")], capture_output=True, text=True, check=False)
    assert (broken.returncode, broken.stderr) == (1, f"classify: {kit / 'README.md'} is cut\n")
