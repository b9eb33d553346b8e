"""``pqv export-kit RUN DIR``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from deploy import app_kit
from deploy.cli.bench import Screen
from deploy.cli.signals import ending
from deploy.job import Job
from pqv_core.cli import progress_view as cli_progress
from pqv_core.cli.console import console
from pqv_core.errors import ProjectError
from pqv_core.project import project_file as projects
from pqv_core.results import record as results


def export(run: Path, target: Path, *, as_json: bool) -> int:
    """Write the kit of a run, or of a project's newest one that has a compressed file.

    Raises:
        ProjectError: There is no such run.
    """
    directory, project = found(run)
    kit = app_kit.read(directory)
    with cli_progress.view() as view:
        job = Job(run=directory.name, send=Screen(view, as_json=as_json).show)
        with ending([job]):
            app_kit.write(kit, target, project=project, job=job)
    if as_json:
        print(json.dumps({"type": "app_kit", "path": str(target.resolve()), "run": directory.name}))
    else:
        console().print(f"Made {target} from the run {directory.name}. Next: {shlex.quote(str(target / 'README.md'))}")
    return 0


def found(run: Path) -> tuple[Path, Path | None]:
    """The folder that a person means by a run or a project, and the project where it is there.

    Raises:
        ProjectError: It is neither, or the project has no run with a compressed file.
    """
    if run.is_dir():
        project = run.resolve().parent.with_suffix(projects.SUFFIX)
        return run, project if project.is_file() else None
    projects.load(run)
    stored, _ = results.load_folders(projects.runs_directory(run))
    with_files = [directory for directory, record in stored if record.results]
    if not with_files:
        raise ProjectError(f"{run.name} has no run with a compressed file.", action=f"Run it first: pqv run {run}.")
    return with_files[-1], run
