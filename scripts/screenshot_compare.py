"""Pictures of the Compare page in its states, with real runs of the demo in several precisions and prunings.

Used by ``scripts/screenshots.py``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pqv_core.errors import ErrorInfo
from pqv_core.process.worker_client import Worker
from pqv_core.project import project_file as projects
from pqv_core.project import run_label, runs
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.compare.page import ComparePage

Wait = Callable[[Callable[[], bool]], None]
Save = Callable[[str], None]

VARIANTS: dict[str, dict[str, Any]] = {
    "FP16": {"quantize": {"precision": "fp16"}},
    "INT8 static": {"quantize": {"precision": "int8-static"}},
    "Cut by L1": {"prune": {"importance": "l1"}},
    "Half of it": {"prune": {"ratio": 0.5}},
}
NOTE = "The same training; only this was changed."


def make_runs(project: Path, folder: Path) -> Path:
    """A copy of the demo project with a run for each variant, named."""
    copied = folder / "compare" / project.name
    if copied.exists():
        return copied
    shutil.copytree(project.parent, copied.parent)
    content = projects.load(copied)
    for name, changes in VARIANTS.items():
        merged = {part: {**getattr(content.config, part).model_dump(), **values} for part, values in changes.items()}
        config = content.config.changed(**merged)
        projects.save(copied, projects.Project.parse({**content.model_dump(), "config": config.model_dump()}))
        job = runs.job(copied)
        with Worker(job) as worker:
            for event in worker.events():
                last = event
        print(f"{name}:", getattr(last, "outcome", ""), file=sys.stderr)
        run_label.save(projects.runs_directory(copied) / job.run, name=name, note=NOTE)
    projects.save(copied, content)
    return copied


def take(window: MainWindow, project: Path, folder: Path, *, wait: Wait, save: Save) -> None:
    """Picture the page: nothing yet, full, its charts, what was lost, a figure of the paper, failed."""
    work = window.workspace
    empty = folder / f"new{len(list(folder.glob('*.pqv')))}.pqv"
    projects.save(empty, projects.Project())
    window.commands.open_project(empty)
    page = _shown(window, wait)
    save("compare-empty")
    window.commands.open_project(project)
    page = _shown(window, wait)
    wait(lambda: page.view.count > 1)
    bar = page.scroller.verticalScrollBar()
    bar.setValue(0)
    save("compare")
    bar.setValue(page.device_line.y() + page.full.y())
    save("compare-charts")
    wait(lambda: page.lost.view.state != "filling")
    bar.setValue(page.lost.y() + page.full.y())
    save("compare-lost")
    page.view.choose_figure(7)
    bar.setValue(bar.maximum())
    save("compare-figure")
    page.view.choose_figure(2)
    message = f"Permission denied: {projects.runs_directory(project).name}."
    error = ErrorInfo(kind="StorageError", message=message, action="Choose another folder or change its permissions.")
    page.view.failed(error)
    bar.setValue(0)
    save("compare-failed")
    page.banner.hide()
    page.desk.read()
    wait(lambda: work.tasks.active == 0)


def _shown(window: MainWindow, wait: Wait) -> ComparePage:
    window.commands.go("compare")
    page = window.stack.currentWidget()
    assert isinstance(page, ComparePage)
    wait(lambda: page.view.state != "filling" and window.workspace.tasks.active == 0)
    return page
