"""View models, those that pages share and those beside a page, are plain Python; so is what pages say of themselves."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

from pqv_gui import viewmodels

BESIDE_PAGES = (
    "pqv_gui.pages.compare.comparison_view",
    "pqv_gui.pages.device.phone_files",
    "pqv_gui.pages.device.phone_list",
    "pqv_gui.pages.device.phone_run",
    "pqv_gui.pages.device.phone_settings",
    "pqv_gui.pages.run.run_queue",
    "pqv_gui.pages.study.study_draft",
    "pqv_gui.pages.study.study_picture",
    "pqv_gui.pages.study.study_state",
)
_PROBE = """
import importlib, sys
from pqv_gui.pages import PAGES
assert len(PAGES) > 7
for name in sys.argv[1:]:
    importlib.import_module(name)
print(sorted({name.split(".")[0] for name in sys.modules} & {"PySide6", "shiboken6", "pyqtgraph", "torch", "timm"}))
"""


def test_view_models_and_descriptions_import_neither_qt_nor_torch() -> None:
    names = [module.name for module in pkgutil.walk_packages(viewmodels.__path__, "pqv_gui.viewmodels.")]
    assert "pqv_gui.viewmodels.results.series" in names
    found = subprocess.run(
        [sys.executable, "-c", _PROBE, *names, *BESIDE_PAGES], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
