"""The benchmark programs, built once for this computer and kept in the build folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "android_runner"
EXECUTORCH = ROOT / "build" / "executorch-sdk" / "executorch"
"""Of the wheel that ``make executorch-sdk`` unpacks."""
COMPILER = next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "c++", "g++", "clang++"))), None)


def why_not_built() -> str:
    """Why the program cannot be built here; empty where it can."""
    if os.name != "posix":
        return "pqv_bench is a POSIX program"
    if not shutil.which("cmake"):
        return "cmake is not installed"
    return "" if COMPILER else "no C++ compiler is installed"


@pytest.fixture(scope="session")
def host_program() -> Path:
    """pqv_bench against the installed torch; later sessions build only what has changed."""
    if reason := why_not_built():
        pytest.skip(reason)
    facts = f"{sys.executable} {torch.__version__} {torch.__file__} {COMPILER}"
    return _built(facts, "pqv_bench", f"-DPython3_EXECUTABLE={sys.executable}") / "pqv_bench"


@pytest.fixture(scope="session")
def executorch_program() -> Path:
    """pqv_bench against the libraries of an unpacked executorch wheel."""
    if reason := why_not_built():
        pytest.skip(reason)
    if not (EXECUTORCH / "lib" / "libexecutorch.so").is_file():
        pytest.skip("ExecuTorch's libraries for this computer are not here: make executorch-sdk")
    version = (EXECUTORCH / "version.py").read_text(encoding="utf-8")
    settings = ["-DPQV_BACKENDS=executorch", f"-DPQV_EXECUTORCH_SDK={EXECUTORCH}"]
    return _built(f"{EXECUTORCH} {version} {COMPILER}", "pqv_bench_executorch", *settings) / "executorch" / "pqv_bench"


def _built(facts: str, target: str, *settings: str) -> Path:
    """The folder in which a program was built; one for each set of facts that it depends on."""
    folder = ROOT / "build" / "runner" / f"tests-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    with FileLock(folder / "lock"):
        _call(["cmake", "-S", str(SOURCES), "-B", str(folder), *generator, "-DCMAKE_BUILD_TYPE=Release", *settings])
        _call(["cmake", "--build", str(folder), "--target", target, "--parallel", "2"])
    return folder


def _call(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def python_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speaks and measures as pqv_bench does, for machines without a compiler."""
    program = tmp_path_factory.mktemp("program") / "pqv_bench"
    body = (ROOT / "tests" / "fakes" / "pqv_bench.py").read_text(encoding="utf-8")
    program.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    program.chmod(0o755)
    return program
