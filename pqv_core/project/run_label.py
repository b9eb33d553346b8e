"""What a person calls a run and notes about it (``label.json`` in the run's folder), and what deleting a run moves.

It is a file of its own, so that naming a run never touches what it measured.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pqv_core.errors import ProjectError, from_os_error
from pqv_core.files.fsio import read_json, write_json
from pqv_core.project import run_lock, runs
from pqv_core.results import record as results

LABEL_FILE = "label.json"
NAME_LIMIT, NOTE_LIMIT = 120, 10_000
_FILE_LIMIT_BYTES = 256 * 1024


class RunLabel(BaseModel):
    """A name and a note; both may be empty. Keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(default="", max_length=NAME_LIMIT)
    note: str = Field(default="", max_length=NOTE_LIMIT)


def load(directory: Path) -> RunLabel:
    """The label of a run's folder; an empty one where it has none.

    Raises:
        ProjectError: The file is damaged.
    """
    path = directory / LABEL_FILE
    try:
        return RunLabel.model_validate(read_json(path, limit=_FILE_LIMIT_BYTES))
    except FileNotFoundError:
        return RunLabel()
    except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise ProjectError(
            f"The name and note of the run {directory.name} cannot be read.",
            action=f"Name the run again, or delete {LABEL_FILE} in its folder.",
            details=str(error),
        ) from error


def save(directory: Path, *, name: str, note: str) -> RunLabel:
    """Keep a run's name and note; returns them as they were kept: the name in one line, without space around it.

    Raises:
        ProjectError: One of them is too long, or the run no longer exists.
        StorageError: The folder cannot be written.
    """
    if not directory.is_dir():
        raise _gone(directory)
    with runs.arranging(directory.parent):
        return _save(directory, name, note)


def _save(directory: Path, name: str, note: str) -> RunLabel:
    try:
        kept = load(directory)
    except ProjectError:  # what is damaged is replaced
        kept = RunLabel()
    try:
        label = RunLabel.model_validate({**kept.model_dump(), "name": " ".join(name.split()), "note": note.strip()})
    except ValidationError as error:
        raise ProjectError(
            "The name or the note is too long.",
            action=f"A name has at most {NAME_LIMIT} characters, a note {NOTE_LIMIT:,}.",
            details=str(error),
        ) from error
    write_json(directory / LABEL_FILE, label.model_dump(mode="json"))
    return label


def movable(directory: Path) -> Path:
    """The folder that goes to the trash when a run is deleted: all of the run, and nothing else.

    Other runs lose nothing by it: what they took over from this one is in their own folders.

    Raises:
        ProjectError: It is not a run's folder, is gone, or a process works in it.
    """
    try:
        if directory.is_symlink() or not directory.is_dir():
            raise _gone(directory)
        if not (directory / results.RUN_FILE).exists() or directory.parent.suffix != ".runs":
            raise ProjectError(f"{directory.name} is not a run.", action="Delete it in the file manager.")
    except OSError as error:
        raise from_os_error(error, directory) from error
    if run_lock.is_held(directory):
        raise ProjectError(
            f"The run {directory.name} is in use.", action="Cancel it or wait for it to finish, then delete it."
        )
    if run_lock.is_measured(directory):
        raise ProjectError(
            f"Files of the run {directory.name} are being measured.",
            action="Wait for that to end, then delete the run.",
        )
    return directory


def _gone(directory: Path) -> ProjectError:
    return ProjectError(f"The run {directory.name} no longer exists.", action="Refresh the list.")
