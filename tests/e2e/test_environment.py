"""A plain ``pqv run`` does the same in any shell: of a cluster job, a launcher, a debugging session, without a home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_run import PQV, SMALL, make_images, only_record, pqv

SHELL = {
    "WORLD_SIZE": "2",
    "RANK": "0",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29517",
    "ACCELERATE_USE_DEEPSPEED": "true",
    "ACCELERATE_MIXED_PRECISION": "fp8",
    "PYTORCH_JIT": "0",
    "OMP_NUM_THREADS": "many",
    "OMP_WAIT_POLICY": "ACTIVE",
    "CUDA_VISIBLE_DEVICES": "7",
    "PYTHONWARNINGS": "error",
    "PYTHONINSPECT": "1",
    "PYTHONOPTIMIZE": "2",
    "PYTHONIOENCODING": "cp932",
    "PYTHONUTF8": "0",
    "LC_ALL": "C",
}


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's variables and closed streams")
def test_what_the_shell_has_set_for_others_neither_hangs_nor_changes_a_run(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    small = [word for key, value in SMALL.items() for word in ("--set", f"model.arguments.{key}={value}")]
    asked = ("--model", "vit_tiny_patch16_224", "--random", "--data", "images", "--epochs", "1", "--no-prune")
    quick = (
        "--precision",
        "fp32",
        "--set",
        "measure.iterations=5",
        "--set",
        "measure.profile=false",
        "--set",
        "measure.threads=1",
    )
    assert pqv("new", "small.pqv", *asked, *quick, *small, folder=tmp_path).returncode == 0
    project = tmp_path / "small.pqv"
    environment = {**os.environ, **SHELL, "HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    environment.pop("XDG_STATE_HOME", None)
    done = subprocess.run(
        [*PQV, "run", str(project)], env=environment, capture_output=True, check=False, timeout=400, cwd=tmp_path
    )
    said = done.stderr.decode("cp932")
    assert done.returncode == 0, said
    assert "Ignored: ACCELERATE_MIXED_PRECISION" in said and "Traceback" not in said
    record = only_record(project)
    assert record.state == "succeeded"
    assert record.environment.wait_policy == ""
