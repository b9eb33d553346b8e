"""What a bug report needs: versions, this computer, and the end of the log."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata

from PySide6.QtCore import qVersion

from pqv_core.process import machine
from pqv_gui.services import logfile

_PACKAGES = (
    "pqv-mobile",
    "torch",
    "timm",
    "torch-pruning",
    "executorch",
    "torchao",
    "PySide6-Essentials",
    "pyqtgraph",
    "adb-shell",
)


def versions() -> dict[str, str]:
    """What runs here: the system, Python, Qt, and each package that matters, of those that are installed."""
    found = {"System": platform.platform(), "Python": platform.python_version(), "Qt": qVersion()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def details() -> str:
    """All of it as plain text."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield from (f"{name}: {version}" for name, version in versions().items())
    known = machine.remembered()
    if known is not None:
        here = known.environment
        yield f"Processor: {here.processor}, {here.cores} cores, {here.cpu_capability}, {here.memory_bytes:,} bytes"
        yield from (f"Engine {name}: {why or 'works'}" for name, why in known.engines.items())
    yield "Log:"
    yield logfile.tail()
