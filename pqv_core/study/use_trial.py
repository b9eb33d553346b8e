"""The settings of a trial for a project: what a study was made for."""

from __future__ import annotations

from pathlib import Path

from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.project.lock import ProjectLock
from pqv_core.study.trials import Trial
from pqv_core.study.view import StudyWatch


def write(folder: Path, number: int, *, to: Path | None = None) -> tuple[Trial, Path]:
    """Write a trial's settings into the study's project, whose other settings stay, or into a new project.

    Args:
        to: The new project, with the study's other settings; beside the study's project, whose images it shares.

    Returns:
        The trial, and the project that was written.

    Raises:
        ProjectError: The study or the project cannot be read, or a window has the project open.
        UsageError: There is no such trial, or the new project is there already.
        StorageError: It cannot be written.
    """
    view = StudyWatch(folder).look()
    trial = view.trial(number)
    if trial is None:
        known = ", ".join(str(each.number) for each in view.trials[:20]) or "none yet"
        raise UsageError(
            f"The study {view.name} has no trial {number}.", action=f"Its trials: {known}. See: pqv study show {folder}"
        )
    if to is None:
        lock = ProjectLock()
        try:
            with lock.moving(view.project):
                before = projects.load(view.project)
                config = view.study.chosen(trial.params, base=before.config)
                projects.save(view.project, before.model_copy(update={"config": config}))
        finally:
            lock.release()
        return trial, view.project
    path = projects.named(to)
    if path.exists():
        raise UsageError(f"{path} already exists.", action="Choose another name.")
    if path.resolve().parent != view.project.parent:
        raise UsageError(
            f"{path} is in another folder than {view.project.name}, whose images and weights it shares.",
            action=f"Make it in {view.project.parent}.",
        )
    note = f"Trial {number} of the study {view.name}."
    projects.save(path, projects.Project(config=view.study.chosen(trial.params), note=note))
    return trial, path
