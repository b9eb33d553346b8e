"""Which ``.pte`` files a phone's runtime can run, and what is said where this computer cannot write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.errors import UsageError
from pqv_core.formats import FORMATS
from pqv_core.formats.pte import INFO, device_runtime
from pqv_core.formats.pte.device_runtime import ExecuTorchRuntime, problems
from pqv_core.formats.pte.program import Method, Value
from pqv_core.formats.pte.pte_file import ExecuTorchFile

TINY = Path(__file__).parents[4] / "data" / "tiny.pte"
RUNTIME = ExecuTorchRuntime.model_construct(
    version="9.9", operators={"aten::mean.out": None, "aten::cat.out": None}, delegates=("XnnpackBackend",)
)
IMAGE = Value(type="Tensor", dtype="float32", shape=(1, 3, 8, 8))


def file(*operators: str, delegate: str = "XnnpackBackend", inputs: int = 1, external: int = 0) -> ExecuTorchFile:
    calls = dict.fromkeys(operators, 1)
    forward = Method(
        name="forward",
        inputs=(IMAGE,) * inputs,
        outputs=(IMAGE,),
        delegated={delegate: 1},
        calls=calls,
        arguments=calls,
        memory_bytes=0,
    )
    return ExecuTorchFile(size_bytes=1, version=0, methods=(forward,), operators=calls, calls=calls, external=external)


def test_a_file_that_fits_has_no_problems() -> None:
    assert list(problems(file("aten::mean.out"), RUNTIME)) == []


def test_all_problems_are_named_at_once() -> None:
    found = list(
        problems(file("aten::mean.out", "my::op", "a::b", delegate="QnnBackend", inputs=2, external=3), RUNTIME)
    )
    assert [problem for problem, _ in found] == [
        "The file takes 2 inputs (float32(1 × 3 × 8 × 8), float32(1 × 3 × 8 × 8)), not one image.",
        "The file keeps the values of 3 tensors in another file.",
        "The Android runtime 9.9 lacks the delegate QnnBackend.",
        "The Android runtime 9.9 lacks a::b, my::op.",
    ]
    assert all(remedy for _, remedy in found)


def test_of_very_many_operators_a_few_are_named() -> None:
    ((problem, _),) = problems(file(*(f"my::op{number}" for number in range(9))), RUNTIME)
    assert problem.endswith("my::op5 and 3 more.")


def test_the_runtime_that_is_described_runs_the_tiny_file() -> None:
    runtime = device_runtime.load()
    assert runtime.version == INFO.default_runtime == INFO.runtimes()[-1]
    assert "XnnpackBackend" in runtime.delegates
    assert list(INFO.problems(INFO.read(TINY), runtime)) == []


def test_an_unknown_version() -> None:
    with pytest.raises(UsageError, match="Unknown Android runtime: next"):
        device_runtime.load("next")


def test_a_format_that_cannot_be_written_here_says_how_it_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(type(INFO), "needs", ("no_such_package.exir",))
    problem, remedy = INFO.missing() or ("", "")
    assert problem == "ExecuTorch is not installed here, so .pte files can be read but neither written nor run."
    assert "pip install pqv-mobile[executorch]" in remedy and "make setup" in remedy


def test_what_is_installed_is_found_without_running_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "outer_package" / "inner"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(type(INFO), "needs", ("outer_package.inner",))
    assert INFO.missing() is None


@pytest.mark.parametrize("content", ["raise ImportError('no libgomp.so')", "import no_such_module"])
def test_what_is_broken_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    (tmp_path / "broken_package").mkdir()
    (tmp_path / "broken_package" / "__init__.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(type(INFO), "needs", ("broken_package.exir",))
    assert INFO.missing() is not None


def test_the_formats_of_the_house_need_nothing_but_their_extra() -> None:
    assert FORMATS["ptl"].missing() is None
    assert (INFO.extra, INFO.needs) == ("executorch", ("executorch.exir", "torchao"))
