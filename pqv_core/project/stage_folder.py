"""The folder of a finished stage: what it says of itself, how it takes its place in a run, and how it travels.

A stage is whole once ``done.json`` lies in its folder and every file has the size that is noted there. It comes into
its place in one step, while the project's runs are held (``runs.arranging``), so nobody sees half of one.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pqv_core.errors import WorkerError, from_os_error
from pqv_core.files import archive
from pqv_core.files.fsio import move, read_json, remove_folder
from pqv_core.project import runs
from pqv_core.results.record import MAX_BYTES

DONE_FILE = "done.json"
STAGES = "stages"
"""The folder of a run in which its stages lie."""


@dataclass(frozen=True)
class Done:
    """What ``done.json`` keeps of a finished stage.

    Attributes:
        files: Sizes in bytes by path below the stage's folder; None where an earlier version did not note them.
    """

    inputs_hash: str
    seconds: float
    result: dict[str, Any]
    warnings: list[str]
    files: dict[str, int] | None = None


def read(place: Path) -> Done | None:
    """What a stage's folder says of itself; None where it is not there, or not whole: the stage is done again."""
    try:
        plain = read_json(place / DONE_FILE, limit=MAX_BYTES)
        done = replace(Done("", 0.0, {}, []), **plain)
        is_whole = done.files is None or all((place / name).stat().st_size == size for name, size in done.files.items())
        return done if is_whole else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def finished(run: Path) -> dict[str, Path]:
    """The folders of a run's finished stages, by the stage's name."""
    folders = sorted((run / STAGES).glob("*"))
    return {place.name: place for place in folders if not place.name.startswith(".") and read(place) is not None}


def sizes(folder: Path) -> dict[str, int]:
    """Sizes in bytes of all files below a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def swap(part: Path, place: Path) -> None:
    """Put a complete folder in the place of an older one, while the project's runs are held."""
    old = place.with_name(f".{place.name}.{secrets.token_hex(4)}.old")
    if place.exists():
        move(place, old)
    move(part, place)
    with contextlib.suppress(OSError):  # a reader has one of its files open: it is removed when the run begins again
        remove_folder(old)


def clear_leftovers(run: Path) -> None:
    """Remove stages that others took the place of, or that were still arriving, when whoever did it was killed."""
    with contextlib.suppress(OSError):
        for leftover in (*run.glob(f"{STAGES}/.*.old"), *run.glob(f"{STAGES}/.*.arriving")):
            remove_folder(leftover)


def packed(place: Path) -> bytes:
    """A finished stage as an archive, to travel to another computer.

    Raises:
        StorageError: It cannot be read.
    """
    content = io.BytesIO()
    try:
        with zipfile.ZipFile(content, "w") as packing:  # stored: weights do not get smaller
            for name in sizes(place):
                packing.write(place / name, name)
    except OSError as error:
        raise from_os_error(error, place) from error
    return content.getvalue()


def put(run: Path, stage: str, content: bytes) -> None:
    """Put a stage that has travelled into its place in a run, whole or not at all. Whoever puts holds the run.

    Raises:
        WorkerError: It has not arrived whole.
        StorageError: The disk is full, or may not be written.
        ProjectError: Another process holds the project's runs too long.
    """
    place = run / STAGES / stage
    part = place.with_name(f".{stage}.arriving")
    try:
        remove_folder(part)
        part.mkdir(parents=True)
        with archive.opened(io.BytesIO(content)) as packed_:
            packed_.extractall(part)  # leads no name out of the folder
        if read(part) is None:
            raise _not_whole(stage)
        with runs.arranging(run.parent):
            swap(part, place)
    except (archive.ArchiveTooLargeError, *archive.BROKEN) as error:
        raise _not_whole(stage) from error
    except OSError as error:
        raise from_os_error(error, place) from error


def _not_whole(stage: str) -> WorkerError:
    return WorkerError(f"The stage {stage} has not arrived whole.", action="Run again: finished work is kept.")
