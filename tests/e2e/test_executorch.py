"""A run that writes a model in both formats, from the command line to the figures of all files and an app's program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pqv_core.formats import FORMATS
from pqv_core.project import project_file as projects
from tests.e2e.conftest import EXECUTORCH, why_not_built
from tests.e2e.test_run import only_record, pqv

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        FORMATS["pte"].missing() is not None, reason="ExecuTorch is an extra that is not installed here"
    ),
]
SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 1, "num_heads": 2, "num_classes": 10}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run in both formats."""
    folder = tmp_path_factory.mktemp("both")
    settings = {"measure.iterations": 5} | {f"model.arguments.{name}": value for name, value in SMALL.items()}
    named = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    model = ("--model", "vit_tiny_patch16_224", "--random", "--no-prune", "--format", "ptl,pte")
    made = pqv("new", "p.pqv", *model, *named, folder=folder)
    assert made.returncode == 0, made.stderr
    ran = pqv("run", "p.pqv", folder=folder)
    assert ran.returncode == 0, ran.stderr
    return folder / "p.pqv"


def test_both_formats_are_written_compared_measured_and_profiled(project: Path) -> None:
    record = only_record(project)
    folder = projects.runs_directory(project) / record.id
    assert {item.artifact.format: item.key for item in record.results} == {"ptl": "compressed", "pte": "compressed_pte"}
    assert [item.key for item in record.baselines] == ["paper_fp32", "fast_fp32", "fast_fp32_pte"]
    for item in record.variants:
        assert (folder / item.file).exists()
        assert item.parity is not None and item.parity.relative < (0.1 if item in record.results else 1e-4)
        assert item.measurements and item.operators
        told = item.delegation and (item.delegation.parts, item.delegation.outside)
        assert told == (({"XnnpackBackend": 1}, {}) if item.artifact.format == "pte" else None)


def test_an_apps_program_gives_the_answer_of_the_executorch_file(project: Path, tmp_path: Path) -> None:
    kit, build = tmp_path / "kit", tmp_path / "build"
    assert pqv("export-kit", str(project), str(kit), folder=tmp_path).returncode == 0
    if why_not_built() or not (EXECUTORCH / "lib" / "libexecutorch.so").is_file():
        pytest.skip(why_not_built() or "ExecuTorch's libraries for this computer are not here: make executorch-sdk")
    for command in (
        ["cmake", "-S", str(kit / "cpp/pte"), "-B", str(build), f"-DEXECUTORCH_DIR={EXECUTORCH}"],
        ["cmake", "--build", str(build)],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
    (model,) = (kit / "model").glob("*.pte")
    words = [str(build / "classify"), str(model), str(kit / "labels.txt"), str(kit / "example/input.f32")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    expected = json.loads((kit / "example/expected.json").read_text())["files"][model.name]["logits"]
    assert [float(line) for line in said.splitlines()[5:]] == pytest.approx(expected, abs=1e-5)
