"""What our processes do not take over from the environment that they are born into.

Cluster jobs, launchers and debugging sessions leave variables in the shell that were meant for another program. Left
alone they make a plain run wait for processes that do not exist (``WORLD_SIZE``), or change what it computes and how
fast. ``CUDA_VISIBLE_DEVICES`` is heeded: it says which GPUs a job was given.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

_DISTRIBUTED = ("MASTER_", "ACCELERATE_", "TORCHELASTIC_", "FSDP_", "DEEPSPEED_", "MEGATRON_LM_", "PARALLELISM_CONFIG_")
_DISTRIBUTED_NAMES = frozenset(
    (
        *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "GROUP_WORLD_SIZE"),
        *("ROLE_RANK", "ROLE_WORLD_SIZE", "ROLE_NAME", "CROSS_RANK", "CROSS_SIZE"),
        *("PMI_RANK", "PMI_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
        *("OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"),
        *("MV2_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    )
)
_THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_")
_DEBUGGING = (
    *("PYTORCH_JIT", "PYTORCH_TENSOREXPR", "TIMM_", "TORCH_LOGS", "TORCH_FORCE_", "TORCHDYNAMO_", "TORCHINDUCTOR_"),
    # which kernels compute, how exactly, and what they print in between
    *("ATEN_CPU_CAPABILITY", "ONEDNN_", "DNNL_", "MKLDNN_", "FBGEMM_", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32"),
    *("CUDA_LAUNCH_BLOCKING", "PYTORCH_NO_CUDA_MEMORY_CACHING", "LRU_CACHE_CAPACITY"),
)
# What tells a Python where it lies and where its packages are, or keeps it from writing beside them.
_PYTHON_KEPT = frozenset(
    (
        *("PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONTZPATH"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHON_GIL"),
    )
)


def without_python(environment: MutableMapping[str, str]) -> None:
    """Take out what changes how a Python behaves: warnings as errors, no asserts, an open prompt at the end."""
    for name in [name for name in environment if name.startswith("PYTHON") and name not in _PYTHON_KEPT]:
        del environment[name]


def set_aside(environment: MutableMapping[str, str], *, launched: bool = False) -> tuple[str, ...]:
    """Take out what was meant for other programs, before torch is loaded; the names of what was there.

    Args:
        launched: This process was started by ``accelerate launch``: which processes there are, and with how many
            threads each, is meant for it.
    """
    found = tuple(sorted(name for name in environment if _changes_us(name, launched=launched)))
    for name in found:
        del environment[name]
    return found


def sentence(names: Iterable[str]) -> str:
    """What was set aside, for the log."""
    return f"Ignored: {', '.join(names)} (environment variables for other programs)."


def _changes_us(name: str, *, launched: bool) -> bool:
    shared = name in _DISTRIBUTED_NAMES or name.startswith((*_DISTRIBUTED, *_THREADS))
    return name.startswith(_DEBUGGING) or (shared and not launched)
