"""The runs beside a project file: which one to go on with, and who may write it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pqv_core import project as projects
from pqv_core import results
from pqv_core.config import RunConfig
from pqv_core.errors import ProjectError, from_os_error
from pqv_core.job import RunJob

LOCK_FILE = ".lock"
_PATIENCE_S = 3.0  # a worker whose owner was killed ends by itself, but not in the same instant


def choose(project: Path, *, fresh: bool) -> str:
    """The id of the run to do: the newest with the same settings, else a new one.

    Going on with a run repeats only the stages whose inputs have changed, so a run that was killed resumes and
    one that is complete is confirmed.

    Raises:
        ProjectError: The project file cannot be used.
    """
    return job(project, fresh=fresh).run


def job(project: Path, *, config: RunConfig | None = None, fresh: bool = False) -> RunJob:
    """The job that does the run which ``choose`` chooses.

    Args:
        config: Settings to run with; None for those in the project file.

    Raises:
        ProjectError: The project file cannot be used.
    """
    config = config or projects.load(project).config
    plain = config.model_dump(mode="json")
    same = None
    if not fresh:
        records, _ = results.load_all(projects.runs_directory(project))
        same = next((record.id for record in reversed(records) if record.config == plain), None)
    return RunJob(run=same or new_id(), project=str(project.resolve()), config=config, fresh=fresh)


def new_id() -> str:
    """An id that sorts by time and does not collide: ``20260131-142501-9f3c``."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@contextlib.contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold a run's folder for writing; the hold ends with the process, however it ends.

    Raises:
        ProjectError: Another process works on this run.
        StorageError: The folder cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / LOCK_FILE, timeout=_PATIENCE_S)
        lock.acquire()
    except Timeout as error:
        raise ProjectError(
            f"The run {directory.name} is being worked on by another process.",
            action="Wait for it to end, or cancel it there.",
        ) from error
    except OSError as error:
        raise from_os_error(error, directory) from error
    try:
        yield
    finally:
        lock.release()


def is_at_work(directory: Path) -> bool:
    """Whether a process holds a run's folder now; one that says ``running`` without being held was killed."""
    if not (directory / LOCK_FILE).exists():
        return False
    try:
        with FileLock(directory / LOCK_FILE, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may not be written has nobody at work in it
        return False
