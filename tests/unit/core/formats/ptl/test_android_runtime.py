"""What is known of the PyTorch runtimes for Android, and which files they can run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqv_core.errors import StorageError, UsageError
from pqv_core.formats import runtime_files
from pqv_core.formats.ptl import android_runtime
from pqv_core.formats.ptl.android_runtime import LiteRuntime, problems
from pqv_core.formats.ptl.ptl_file import LiteFile

RUNTIME = LiteRuntime(
    version="9.9",
    program="lite",
    archives=(),
    abis=("x86_64",),
    bytecode_min=4,
    bytecode_max=9,
    operators={"aten::linear": 3, "aten::cat": None},
)


def file(bytecode: int = 8, **operators: int) -> LiteFile:
    return LiteFile(
        size_bytes=1,
        bytecode=bytecode,
        operators={f"aten::{name}": given for name, given in operators.items()},
        functions=(),
        weights_bytes=0,
        storages=0,
        extra={},
        description={},
    )


def test_an_unknown_or_damaged_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "ptl"
    folder.mkdir()
    (folder / "1.2.json").write_text(json.dumps({"version": "1.2"}))
    (folder / "1.10.json").write_text("{}")
    monkeypatch.setattr(runtime_files, "resource", lambda *parts: tmp_path.joinpath(*parts[1:]))
    assert android_runtime.versions() == ["1.2", "1.10"]
    with pytest.raises(UsageError, match=r"1\.2, 1\.10"):
        android_runtime.load("7")
    with pytest.raises(StorageError, match="damaged"):
        android_runtime.load("1.2")


def test_the_default_version_is_described() -> None:
    runtime = android_runtime.load()
    assert runtime.version == android_runtime.DEFAULT
    assert "qnnpack" in runtime.engines
    assert "aten::scaled_dot_product_attention" not in runtime.operators


def test_a_file_that_fits_has_no_problems() -> None:
    assert list(problems(file(linear=3, cat=9), RUNTIME)) == []


def test_all_problems_are_named_at_once() -> None:
    found = list(problems(file(bytecode=10, linear=4, conv2d=7, gelu=1), RUNTIME))
    words = " ".join(problem for problem, _ in found)
    assert "bytecode version 10" in words
    assert "lacks aten::conv2d, aten::gelu" in words
    assert "aten::linear (4 arguments, 3 known)" in words
    assert {remedy for _, remedy in found} == {"Export for the Android target."}
