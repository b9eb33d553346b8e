"""Pictures of the Study page: no study yet, the form of a new one, and a real study of the demo.

Used by ``scripts/screenshots.py``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from pqv_core.project import project_file as projects
from pqv_core.study import new_study, study_file
from pqv_core.study.executors import LocalExecutor
from pqv_core.study.new_study import Choices
from pqv_core.study.runner import StudyRunner
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.study.page import StudyPage

Wait = Callable[[Callable[[], bool]], None]
Save = Callable[[str], None]

VARY = ("prune.ratio=0.1:0.7:0.1", "prune.importance=l2,taylor", "quantize.precision=fp32,int8-dynamic")
TRIALS = 16


def make_study(project: Path, folder: Path) -> Path:
    """A copy of the demo project with a study that has been run to its end."""
    copied = folder / "study" / project.name
    if copied.exists():
        return copied
    shutil.copytree(project.parent, copied.parent)
    study = study_file.named(copied.with_name("small-and-quick"))
    choices = Choices(copied, VARY, objectives=("top1", "latency"), constraints=("top1_drop<=20",), trials=TRIALS)
    study_file.create(study, new_study.build(choices))
    print("study:", StudyRunner(study, LocalExecutor(), heard=lambda _: None).run().reason, file=sys.stderr)
    return copied


def take(window: MainWindow, project: Path, folder: Path, *, wait: Wait, save: Save) -> None:
    """Picture the page: nothing yet, the form, full."""
    empty = folder / f"study{len(list(folder.glob('*.pqv')))}.pqv"
    projects.save(empty, projects.load(project))
    window.commands.open_project(empty)
    page = _shown(window, wait, "empty")
    save("study-empty")
    page.begin()
    page.state.draft.bind()
    save("study-form")
    page.state.write_draft(False)
    window.commands.open_project(project)
    page = _shown(window, wait, "finished")
    wait(lambda: page.decides.chart is not None)
    page.state.select(page.state.front[len(page.state.front) // 2].number)
    save("study")
    bar = page.scroller.verticalScrollBar()
    bar.setValue(bar.maximum())
    save("study-trials")
    bar.setValue(0)


def _shown(window: MainWindow, wait: Wait, phase: str) -> StudyPage:
    window.commands.go("study")
    page = window.stack.currentWidget()
    assert isinstance(page, StudyPage)
    wait(lambda: page.state.phase == phase and window.workspace.tasks.active == 0)
    return page
