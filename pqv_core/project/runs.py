"""The runs beside a project file: which one to go on with, and who may write it."""

from __future__ import annotations

import contextlib
import errno
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pqv_core.config import RunConfig
from pqv_core.errors import PqvError, ProjectError, StorageError, from_os_error
from pqv_core.files.fsio import remove_folder
from pqv_core.process.events import Finished
from pqv_core.process.job import RunJob
from pqv_core.project import project_file as projects
from pqv_core.project import run_lock
from pqv_core.results import record as results

_PATIENCE_S = 3.0  # a worker whose owner was killed ends by itself, but not in the same instant
_HELD_S = 10.0  # linking the files of a stage takes milliseconds; only a drive without links has to copy them
_LOOKERS_S = 1.0  # whoever looks whether a run is worked on holds its folder for an instant
_PAUSE_S = 0.02
_NO_LOCKS = {getattr(errno, name) for name in ("ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP") if hasattr(errno, name)}


def choose(project: Path, *, config: RunConfig | None = None, fresh: bool) -> str:
    """The id of the run to do: the newest with the same settings, else a new one.

    Going on with a run repeats only the stages whose inputs have changed, so a run that was killed resumes and
    one that is complete is confirmed.

    Args:
        config: As for ``job``.

    Raises:
        ProjectError: The project file cannot be used.
    """
    return job(project, config=config, fresh=fresh).run


def job(
    project: Path, *, config: RunConfig | None = None, fresh: bool = False, run: str = "", remeasure: bool = False
) -> RunJob:
    """The job that does the run which ``choose`` chooses.

    Args:
        config: Settings to run with; None for those in the project file.
        run: The run to go on with; empty lets ``choose``'s rule decide.
        remeasure: Repeat its measuring.

    Raises:
        ProjectError: The project file cannot be used.
    """
    config = config or projects.load(project).config
    plain = config.model_dump(mode="json")
    same = run or None
    if not same and not fresh:
        records, _ = results.load_all(projects.runs_directory(project))
        same = next((record.id for record in reversed(records) if record.config == plain), None)
    where = str(project.resolve())
    return RunJob(run=same or new_id(), project=where, config=config, fresh=fresh, remeasure=remeasure)


def new_id() -> str:
    """An id that sorts by time and does not collide: ``20260131-142501-9f3c``."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _give_up_after_patience(seconds: float) -> None:
    if seconds > _HELD_S:
        raise ProjectError(
            f"Another process has locked this project's runs for {seconds:.0f} s.",
            action="Wait for the run that is copying, or stop it, then try again.",
        )


@contextlib.contextmanager
def arranging(folder: Path, *, waiting: Callable[[float], None] = _give_up_after_patience) -> Iterator[None]:
    """Hold the folder of a project's runs for a moment; the hold ends with the process, however it ends.

    Held while a run gets its number and is claimed, while a finished stage is put into place or taken over, and
    while a run is named or moved away: whoever looks at another's run meanwhile would see half of it.

    Args:
        folder: The ``.runs`` folder.
        waiting: Told again and again, while another process holds it, for how many seconds by now; it may raise.

    Raises:
        ProjectError: Another process holds it too long.
        StorageError: The folder is not there, may not be written, or is on a drive that cannot lock.
    """
    began = time.monotonic()
    while (lock := _locked(folder)) is None:
        waiting(time.monotonic() - began)
        time.sleep(_PAUSE_S)
    try:
        yield
    finally:
        lock.release()


def _locked(folder: Path) -> FileLock | None:
    """The lock of a folder; None where another process holds it."""
    lock = FileLock(folder / run_lock.LOCK_FILE, timeout=0)
    try:
        folder.stat()  # filelock would make it
        lock.acquire()
    except Timeout:
        return None
    except (OSError, NotImplementedError) as error:  # the latter by older versions of filelock
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise from_os_error(error, folder) from error
        raise StorageError(
            f"This drive cannot lock files, so two runs could overwrite each other: {folder}.",
            action="Move the project to a local drive or a network drive with file locking.",
            details=f"{type(error).__name__}: {error}",
        ) from error
    return lock


@contextlib.contextmanager
def claimed(directory: Path, *, waiting: Callable[[float], None] = _give_up_after_patience) -> Iterator[None]:
    """Hold a run's folder for writing; the hold ends with the process, however it ends.

    A folder that was made for it and in which nothing was written goes with it.

    Args:
        waiting: As for ``arranging``.

    Raises:
        ProjectError: Another process works on this run.
        StorageError: The folder cannot be made.
    """
    lock = _claim(directory, waiting)
    try:
        yield
    finally:
        lock.release()
        _remove_unused(directory)


def _claim(directory: Path, waiting: Callable[[float], None]) -> FileLock:
    deadline = time.monotonic() + _PATIENCE_S
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with arranging(directory.parent, waiting=waiting):
                directory.mkdir(exist_ok=True)
                lock = _locked(directory)
            if lock is not None:
                return lock
            if time.monotonic() >= deadline:
                raise already_running(directory.name)
            time.sleep(_PAUSE_S)
    except OSError as error:
        raise from_os_error(error, directory) from error


def _remove_unused(directory: Path) -> None:
    with contextlib.suppress(OSError, PqvError):
        if (directory / results.RUN_FILE).exists():
            return
        with arranging(directory.parent):
            if [path.name for path in directory.iterdir()] == [run_lock.LOCK_FILE]:
                remove_folder(directory)


@contextlib.contextmanager
def measuring(files: Iterable[Path]) -> Iterator[None]:
    """Keep the runs that these files are of from being moved away while the files are measured.

    Raises:
        ProjectError: Another process holds the folder of runs too long.
    """
    folders = {Path(file).resolve().parent for file in files}
    of_runs = [folder for folder in folders if folder.parent.suffix == ".runs" and (folder / results.RUN_FILE).exists()]
    with contextlib.ExitStack() as stack:
        for folder in sorted(of_runs):
            # One that may not be written is not moved either.
            with contextlib.suppress(StorageError), arranging(folder.parent):
                stack.enter_context(run_lock.measuring(folder))
        yield


def already_running(run: str) -> ProjectError:
    """What is said to the second who wants to do a run."""
    return ProjectError(
        f"The run {run} is in use by another process.", action="Wait for it to end, or cancel it there."
    )


def conclude(directory: Path, end: Finished, *, seconds: float) -> Finished:
    """Write down how a run ended whose worker was ended before it could do so itself, and return how it ended.

    A worker may be killed when it has written that the run succeeded and has not said so yet: then it succeeded.

    A run that says how it ended, or that a process still works on, stays as it is.

    Args:
        seconds: For how long there was a worker.
    """
    with contextlib.suppress(PqvError, OSError):
        if not _says_running(directory):
            return _as_kept(directory, end, seconds)
        lock = _locked_by_now(directory)
        if lock is None:
            return end
        try:
            if _says_running(directory):
                _write_end(directory, end, seconds)
        finally:
            lock.release()
    return end


def _as_kept(directory: Path, end: Finished, seconds: float) -> Finished:
    """How a run ended, where that was written since its worker began."""
    path = directory / results.RUN_FILE
    is_new = path.exists() and time.time() - path.stat().st_mtime <= seconds
    if is_new and results.as_written(directory).state == "succeeded":
        return end.model_copy(update={"outcome": "succeeded", "error": None, "stage": ""})
    return end


def _locked_by_now(directory: Path) -> FileLock | None:
    """The lock of a run's folder, once those who only look at it are done; None where a process works on the run."""
    deadline = time.monotonic() + _LOOKERS_S
    while (lock := _locked(directory)) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
    return lock


def _says_running(directory: Path) -> bool:
    return (directory / results.RUN_FILE).exists() and results.as_written(directory).state == "running"


def _write_end(directory: Path, end: Finished, seconds: float) -> None:
    # What it wrote last tells for how long it had been at work by then.
    since = min(seconds, time.time() - (directory / results.RUN_FILE).stat().st_mtime)
    record = results.ended(results.as_written(directory), end.outcome, stage=end.outcome)
    *before, last = record.spans or (0.0,)
    spans = (*before, round(last + max(0.0, since), 3))
    results.save(directory, record.model_copy(update={"error": end.error, "spans": spans}))
