"""What a shell has set for other programs is taken out before torch is loaded; the rest stays."""

from __future__ import annotations

import pytest

from pqv_core.process import inherited, process_group

CLUSTER = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517"}
LAUNCHER = {"ACCELERATE_USE_DEEPSPEED": "true", "FSDP_OFFLOAD_PARAMS": "1", "TORCHELASTIC_RUN_ID": "x"}
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "ACTIVE", "KMP_AFFINITY": "compact", "MKL_NUM_THREADS": "1"}
DEBUGGING = {
    "PYTORCH_JIT": "0",
    "TIMM_FUSED_ATTN": "0",
    "TORCH_LOGS": "+all",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_VERBOSE": "1",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "NVIDIA_TF32_OVERRIDE": "1",
    "CUDA_LAUNCH_BLOCKING": "1",
}
OURS = {"HOME": "/home/a", "CUDA_VISIBLE_DEVICES": "1", "HF_HOME": "/cache", "RANKING": "x", "PATH": "/bin"}


@pytest.mark.parametrize("theirs", [CLUSTER, LAUNCHER, THREADS, DEBUGGING, {"WORLD_SIZE": ""}])
def test_a_plain_run_heeds_nothing_of_it(theirs: dict[str, str]) -> None:
    environment = {**OURS, **theirs}
    assert inherited.set_aside(environment) == tuple(sorted(theirs))
    assert environment == OURS


def test_a_launched_run_hears_who_launched_it_but_not_the_debugging_session() -> None:
    environment = {**OURS, **CLUSTER, **LAUNCHER, **THREADS, **DEBUGGING}
    assert inherited.set_aside(environment, launched=True) == tuple(sorted(DEBUGGING))
    assert environment == {**OURS, **CLUSTER, **LAUNCHER, **THREADS}


def test_the_names_are_said() -> None:
    assert "OMP_NUM_THREADS, RANK" in inherited.sentence(["OMP_NUM_THREADS", "RANK"])


def test_a_python_of_ours_behaves_as_if_nothing_were_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONMALLOC", "PYTHONIOENCODING"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environment = process_group.python_environment()
    left = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
    assert left.keys() <= {"PYTHONPATH", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
    assert left["PYTHONUTF8"] == "1"
    assert left["PYTHONPATH"].endswith("/somewhere")
