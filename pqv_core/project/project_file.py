"""The project file ``name.pqv``: what was chosen, and where the runs lie.

It is JSON in UTF-8, written to a temporary file and put in place in one step. Keys that this version does not
know are kept. Runs lie beside it in ``name.runs/<id>/``.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from pqv_core.config import RunConfig
from pqv_core.config.base import Config
from pqv_core.errors import ConfigError, ProjectError, StorageError, from_os_error
from pqv_core.files.fsio import FileTooLargeError, read_json, write_json
from pqv_core.project import migrations

SCHEMA_VERSION = 1
SUFFIX = ".pqv"
_LIMIT_BYTES = 4 << 20


class QueuedRun(Config):
    """A run that waits for those before it; its settings are those of the moment when it was asked for.

    Attributes:
        run: The one to go on with; empty for the newest with these settings.
        remeasure: Only its measuring is repeated.
    """

    config: RunConfig
    fresh: bool = False
    run: str = ""
    remeasure: bool = False


class Project(Config):
    """What a project file holds.

    Attributes:
        queue: Runs that wait, in their order.
    """

    schema_version: int = SCHEMA_VERSION
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    note: str = ""
    config: RunConfig = Field(default_factory=RunConfig)
    queue: tuple[QueuedRun, ...] = ()


def load(path: Path) -> Project:
    """Read a project file.

    Raises:
        ProjectError: It is missing, cut, not a project, or written by a newer version.
    """
    plain = migrations.migrate(_read(path), to=SCHEMA_VERSION, path=path)
    try:
        return Project.parse(plain)
    except ConfigError as error:
        raise ProjectError(
            f"The project {path.name} contains an invalid value: {error.message}",
            action="Update PQV-Mobile, install the missing plug-in, correct the value or restore an earlier copy.",
            details=error.details,
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        plain = read_json(path, limit=_LIMIT_BYTES)
    except OSError as error:
        raise ProjectError(
            f"The project file cannot be read: {from_os_error(error, path).message}",
            action="Check the path, or create a project with: pqv new PROJECT.pqv --model NAME.",
            details=str(error),
        ) from error
    except FileTooLargeError as error:
        raise ProjectError(
            f"{path.name} is too large to be a project file.", action="Choose a .pqv file.", details=str(error)
        ) from error
    except ValueError as error:
        raise ProjectError(
            f"{path.name} is damaged: it is not complete JSON.",
            action="Restore an earlier copy or create the project again. Its runs are not affected.",
            details=str(error),
        ) from error
    if not isinstance(plain, dict) or "config" not in plain:
        raise ProjectError(f"{path.name} is not a PQV-Mobile project.", action="Choose a .pqv file.")
    return plain


class FolderGoneError(StorageError):
    """The folder of an open project has vanished."""


def save_open(path: Path, project: Project) -> None:
    """Save a project that was open; its folder is not made anew, for the runs and images beside it are gone too.

    Raises:
        FolderGoneError: The folder has vanished.
        StorageError: The disk is full, or the folder may not be written.
    """
    try:
        there = path.parent.is_dir()
    except OSError as error:
        raise from_os_error(error, path.parent) from error
    if not there:
        raise FolderGoneError(
            f"The project folder no longer exists: {path.parent}.",
            action="Nothing is lost: the settings are kept here. Restore the folder or save the project elsewhere.",
        )
    save(path, project)


def named(path: Path) -> Path:
    """``path`` with the suffix of a project file."""
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def save(path: Path, project: Project) -> None:
    """Write a project file, whole or not at all.

    Raises:
        StorageError: The folder is missing, full, or may not be written.
    """
    write_json(path, project.model_dump(mode="json"))


def runs_directory(path: Path) -> Path:
    """The folder beside the project file that holds its runs."""
    return path.with_suffix(".runs")


def stored_path(path: Path, *, project: Path) -> str:
    """``path`` as it is kept in the project file: relative to its folder, with forward slashes."""
    try:
        relative = os.path.relpath(path.resolve(), project.resolve().parent)
    except ValueError:  # another drive on Windows
        return path.resolve().as_posix()
    return Path(relative).as_posix()


def resolved_path(stored: str, *, project: Path) -> Path:
    """The absolute path that a stored one means; links are followed, unless they lead in a circle.

    Raises:
        ProjectError: It cannot be a path.
    """
    path = Path(stored)
    with contextlib.suppress(RuntimeError):  # ~name of nobody is a plain name
        path = path.expanduser()
    absolute = project.resolve().parent / path
    try:
        return absolute.resolve()
    except (OSError, RuntimeError):  # a circle of links: whoever opens it is told
        return absolute
    except ValueError as error:  # a NUL
        raise ProjectError(
            f"The project contains an invalid path: {stored!r}.",
            action="Correct it in the project.",
            details=str(error),
        ) from error


_PATHS = (("model", "path"), ("data", "train"), ("data", "val"), ("data", "root"), ("data", "class_order"))


def with_absolute_paths(config: RunConfig, *, project: Path) -> RunConfig:
    """Settings that mean the same files wherever the project lies; names of data sets and of orders stay.

    Raises:
        ProjectError: One cannot be a path.
    """
    plain = config.model_dump()
    for section, field in _PATHS:
        stored = plain[section][field]
        if stored and (path := resolved_path(stored, project=project)).exists():
            plain[section][field] = path.as_posix()
    return RunConfig.parse(plain)
