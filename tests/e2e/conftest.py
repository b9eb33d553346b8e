"""The benchmark program, built once for this computer and kept in the build folder."""

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
    folder = ROOT / "build" / "runner" / f"tests-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    settings = [f"-DPython3_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=Release"]
    with FileLock(folder / "lock"):
        _call(["cmake", "-S", str(SOURCES), "-B", str(folder), *generator, *settings])
        _call(["cmake", "--build", str(folder), "--target", "pqv_bench", "--parallel", "2"])
    return folder / "pqv_bench"


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
