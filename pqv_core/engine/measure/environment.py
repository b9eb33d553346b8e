"""The machine and the versions that a figure was measured with."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil
import torch

from pqv_core.engine.quantize.engines import supported_engines
from pqv_core.results.record import Environment

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


class MemoryWatch:
    """Resident memory of this process: what it was, and the most that it was since.

    Where the system tells (Linux), code that is read from its file when it first runs does not count: how much of it is
    new depends on what ran in the process before.

    Attributes:
        base: Bytes resident at the beginning.
        peak: The highest seen since then, in bytes; up to the last ``look``.
    """

    def __init__(self) -> None:
        _give_back_free_memory()
        self.base = self.peak = psutil.Process().memory_info().rss
        self._from_files = _resident("RssFile")
        _reset_peak()

    def look(self) -> None:
        """Take in what has been since the last look."""
        self.peak = max(self.peak, _peak_rss() - (_resident("RssFile") - self._from_files))
        _reset_peak()


def _give_back_free_memory() -> None:
    """What lies free in the heap would be used first, and not be counted."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)


def _reset_peak() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not allowed in some sandboxes: the peak then includes the start
            Path("/proc/self/clear_refs").write_text("5")


def _peak_rss() -> int:
    """Highest resident memory of this process in bytes, since its start or the last reset."""
    if sys.platform == "linux":
        return _resident("VmHWM")
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _resident(entry: str) -> int:
    """Bytes of an entry of the process's status; 0 where there is none."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{entry}:"):
                return int(line.split()[1]) * 1024
    return 0
