"""The benchmark program of ExecuTorch, built for this computer: it speaks the same schema as PyTorch's.

The files are made by ``android_runner/tests/make_pte_models.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.test_runner_host import records

MODELS = Path(__file__).resolve().parents[1] / "data" / "pte"
ONE = ["--input-shape", "1,3,8,8", "--min-iters", "1", "--warmup", "0"]
ALL_KINDS = {"context", "memory", "load", "outputs", "warmup", "iteration", "operators", "final"}
pytestmark = pytest.mark.slow


@pytest.fixture
def program(executorch_program: Path) -> Path:
    return executorch_program


def model(name: str) -> list[str]:
    return ["--model", str(MODELS / name)]


def answers(program: Path, name: str, output: Path) -> np.ndarray:
    """What a file answers to each of the images, one after another."""
    files = ["--input", str(MODELS / "images.f32"), "--output", str(output)]
    code, lines = records(program, *model(name), *ONE, *files)
    assert code == 0
    told = next(line for line in lines if line["type"] == "outputs")
    return np.fromfile(output, "<f4").reshape(told["count"], *told["shape"][1:])


def failure(program: Path, path: Path, *words: str) -> tuple[int, str, str]:
    code, lines = records(program, "--model", str(path), *ONE, *words)
    assert lines[-1]["status"] == "failed"
    return code, lines[-1]["stage"], lines[-1]["message"]


def test_a_whole_run(program: Path, tmp_path: Path) -> None:
    files = ["--input", str(MODELS / "images.f32"), "--output", str(tmp_path / "out")]
    words = [*ONE, "--min-iters", "20", "--threads", "1,2", "--profile", *files]
    code, lines = records(program, *model("tiny.pte"), *words)
    assert code == 0
    assert "torch" not in lines[0]
    assert lines[0]["executorch"].count(".") == 2
    assert (lines[0]["engine"], "XnnpackBackend" in lines[0]["engines"]) == ("none", True)
    assert [line["type"] for line in lines].count("iteration") == 40
    assert {line["type"] for line in lines} == ALL_KINDS


@pytest.mark.parametrize(("name", "tolerance"), [("tiny.pte", 1e-6), ("two.pte", np.inf), ("int8.pte", 0.05)])
def test_every_image_is_answered(program: Path, tmp_path: Path, name: str, tolerance: float) -> None:
    expected = np.fromfile(MODELS / "answers.f32", "<f4").reshape(3, 10)
    found = answers(program, name, tmp_path / "out")
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance


def test_a_result_that_lies_by_columns_is_written_by_rows(program: Path, tmp_path: Path) -> None:
    images = np.fromfile(MODELS / "images.f32", "<f4").reshape(3, 3, 8, 8)
    np.testing.assert_allclose(answers(program, "portable.pte", tmp_path / "out"), np.sin(images), atol=1e-6)


def test_the_steps_of_a_profile_add_up(program: Path) -> None:
    code, lines = records(program, *model("slow.pte"), *ONE, "--profile")
    assert code == 0
    found = next(line for line in lines if line["type"] == "operators")
    steps = {row["name"]: row["calls"] for row in found["operators"]}
    assert steps["aten::sin.out"] == 20
    assert steps["aten::mean.dtype_out"] == 2
    assert 0.95 * found["wall_ns"] <= sum(row["self_ns"] for row in found["operators"]) <= found["wall_ns"]


def test_a_profile_looks_into_delegates(program: Path) -> None:
    code, lines = records(program, *model("int8.pte"), *ONE, "--min-iters", "4", "--profile")
    assert code == 0
    found = next(line for line in lines if line["type"] == "operators")
    rows = {row["name"]: row for row in found["operators"]}
    assert found["iterations"] == 2  # the calmer half
    assert rows["XnnpackBackend"]["calls"] == 2
    (inner,) = [row for name, row in rows.items() if name.startswith("Fully Connected")]
    assert inner["calls"] == 4


def test_what_the_runtime_knows(program: Path) -> None:
    code, lines = records(program, "--ops")
    assert code == 0
    known = next(line for line in lines if line["type"] == "ops")["operators"]
    assert known["aten::add.out"] is None
    assert "quantized_decomposed::dequantize_per_tensor.out" in known


def test_a_file_that_does_not_fit_is_refused_in_a_sentence(program: Path) -> None:
    assert failure(program, MODELS / "whole.pte") == (3, "load", "forward takes a tensor of type Long, not of float32")
    assert failure(program, MODELS / "pair.pte") == (3, "load", "forward takes 2 inputs, not one tensor")
    assert failure(program, MODELS / "other.pte") == (3, "load", "the file has no method forward; it has encode")
    assert failure(program, MODELS / "unknown.pte") == (
        *(3, "load"),
        "cannot load forward: this runtime lacks the operators aten::zin.out",
    )


def test_an_input_of_another_shape(program: Path) -> None:
    code, stage, message = failure(program, MODELS / "tiny.pte", "--input-shape", "1,3,9,9", "--warmup", "1")
    assert (code, stage) == (4, "measure")
    assert message.startswith("forward does not take an input of 1x3x9x9 but one of 1x3x8x8")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"PK\3\4", bytes(4096)),
        (MODELS / "tiny.pte").read_bytes()[:5000],
        (MODELS / "tiny.pte").read_bytes().replace(b"ET12", b"ET99"),
        (MODELS / "tiny.pte").read_bytes().replace(b"XnnpackBackend", b"XnnpackBockend"),
    ],
    ids=["empty", "zip", "zeros", "cut", "future", "delegate"],
)
def test_a_damaged_file(program: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "damaged.pte").write_bytes(content)
    code, stage, message = failure(program, tmp_path / "damaged.pte")
    assert (code, stage) == (3, "load")
    assert "Error::" not in message
    assert "damaged.pte" in message or "lacks the delegate XnnpackBockend" in message


def test_it_has_no_engine_to_choose(program: Path) -> None:
    code, lines = records(program, *model("tiny.pte"), "--engine", "qnnpack")
    assert (code, lines[-1]["stage"]) == (2, "arguments")
