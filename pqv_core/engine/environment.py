"""The machine and the versions that a figure was measured with."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil
import torch

from pqv_core.engine.engines import supported_engines
from pqv_core.results import Environment

_WATCH_S = 0.5
_PACKAGES = ("torch", "torchvision", "timm", "torch-pruning", "numpy", "safetensors")


def describe(*, threads: int) -> Environment:
    """This computer, as it is kept in ``run.json``; ``threads`` are those of the measurements."""
    return Environment(
        pqv=metadata.version("pqv-mobile"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        processor=processor_name(),
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        threads=threads,
        versions=_versions(),
        engines=supported_engines(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        governor=_governor(),
    )


@cache
def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _PACKAGES}


def _governor() -> str:
    """What chooses the clock of the first core (Linux, cpufreq)."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text(encoding="ascii").strip()[:40]
    except (OSError, ValueError):
        return ""


def busy() -> float:
    """Share of the processor that is used now, from 0 to 1, watched for half a second."""
    return psutil.cpu_percent(interval=_WATCH_S) / 100


def default_threads() -> int:
    """One thread a physical core, at most four: what a phone's big cores offer, and no oversubscription."""
    return max(1, min(4, psutil.cpu_count(logical=False) or os.cpu_count() or 1))


def processor_name() -> str:
    """Name of the processor as the system tells it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def reset_peak_rss() -> int:
    """Start a new peak of resident memory where the system can (Linux); returns what is resident now, in bytes."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not allowed in some sandboxes: the peak then includes the start
            Path("/proc/self/clear_refs").write_text("5")
    return int(psutil.Process().memory_info().rss)


def peak_rss_bytes() -> int:
    """Highest resident memory of this process since its start, or since ``reset_peak_rss``, in bytes."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
