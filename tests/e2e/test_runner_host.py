"""The benchmark program, built for this computer: every line that it prints is as its schema says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator

RUNNER = Path(__file__).resolve().parents[2] / "android_runner"
pytestmark = pytest.mark.slow


@pytest.fixture
def program(host_program: Path) -> Path:
    return host_program


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.head = torch.nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.patches(image)).mean((2, 3)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.nn.Module]:
    torch.manual_seed(0)
    net = Net().eval()
    path = tmp_path_factory.mktemp("model") / "net.ptl"
    torch.jit.freeze(torch.jit.script(net))._save_for_lite_interpreter(str(path))
    return path, net


def records(program: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """The program's exit code and its lines, each of which the schema allows."""
    schema = json.loads((RUNNER / "schema" / "pqv_bench.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    done = subprocess.run([str(program), "--json", *words], stdout=subprocess.PIPE, check=False)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    for line in lines:
        Draft202012Validator({**schema, "$ref": f"#/$defs/{line['type']}"}).validate(line)
        Draft202012Validator(schema).validate(line)
    assert [line["type"] for line in lines].count("final") == 1
    assert lines[-1]["type"] == "final"
    assert lines[-1]["exit_code"] == done.returncode
    return done.returncode, lines


def test_a_whole_run(program: Path, model: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, net = model
    images = torch.rand(4, 3, 16, 16)
    (tmp_path / "in").write_bytes(images.numpy().astype("<f4").tobytes())
    files = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    shape = ["--model", str(path), "--input-shape", "1,3,16,16", "--threads", "1,2"]
    code, lines = records(program, *shape, *files, "--min-iters", "20", "--profile")
    assert code == 0
    assert lines[0]["torch"] == torch.__version__.split("+")[0]
    assert [line["type"] for line in lines].count("iteration") == 40
    assert {line["type"] for line in lines} == {
        *("context", "memory", "load", "outputs", "warmup", "iteration", "operators", "final")
    }
    answers = np.fromfile(tmp_path / "out", "<f4").reshape(4, 5)
    with torch.inference_mode():
        np.testing.assert_allclose(answers, net(images).numpy(), atol=1e-5)


def test_what_it_knows_is_what_this_torch_knows(program: Path) -> None:
    code, lines = records(program, "--ops")
    assert code == 0
    known = next(line for line in lines if line["type"] == "ops")
    assert known["operators"]["aten::linear"] == 3
    assert lines[0]["engines"] == [name for name in torch.backends.quantized.supported_engines if name != "none"]


@pytest.mark.parametrize(
    ("words", "code", "stage"),
    [
        (["--bogus"], 2, "arguments"),
        (["--model", "/nowhere"], 3, "load"),
        (["--ops", "--threads", "0"], 2, "arguments"),
    ],
)
def test_failures_have_a_last_line(program: Path, words: list[str], code: int, stage: str) -> None:
    found, lines = records(program, *words)
    assert (found, lines[-1]["stage"], lines[-1]["status"]) == (code, stage, "failed")
    assert lines[-1]["message"]
