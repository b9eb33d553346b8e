"""View-models are plain Python."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

from pqv_gui import viewmodels

_PROBE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(sorted({name.split(".")[0] for name in sys.modules} & {"PySide6", "shiboken6", "pyqtgraph", "torch", "timm"}))
"""


def test_view_models_import_neither_qt_nor_torch() -> None:
    names = [f"pqv_gui.viewmodels.{module.name}" for module in pkgutil.iter_modules(viewmodels.__path__)]
    found = subprocess.run([sys.executable, "-c", _PROBE, *names], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
