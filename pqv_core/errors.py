"""Every failure a person can meet, as one tree.

    PqvError
    ├── UsageError               the command line or a setting is wrong (exit code 2)
    │   └── ConfigError          one named setting holds a value that cannot be
    ├── ProjectError             the project file or a run beside it cannot be used
    ├── StorageError             the disk is full, a folder is missing or may not be written
    ├── DataError                the images cannot be used
    ├── ModelError               the model or its weights cannot be had
    ├── PruneError               the model cannot be pruned as asked
    ├── TrainingError            fine-tuning diverged or cannot start
    ├── QuantizeError            this precision or engine is not available
    ├── ExportError              the file cannot be written, or does not agree with the model
    ├── BenchmarkError           the measurement failed
    ├── PluginError              what another package brings cannot be loaded
    ├── WorkerError              the worker process died or did not answer
    ├── ClusterError             other computers cannot do what they are asked to
    └── DeviceError              a phone (its tree continues in ``deploy``)

``Cancelled`` stands apart: it is an outcome, not an error.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class ErrorInfo(BaseModel):
    """An error as data, so that it crosses process borders and is kept in ``run.json``."""

    model_config = ConfigDict(frozen=True)

    kind: str
    message: str
    action: str = ""
    details: str = ""
    command: str = ""


class PqvError(Exception):
    """A failure with words for a person.

    Args:
        message: One sentence of what happened.
        action: One sentence of what to do about it.
        details: Technical detail for a bug report; may be long.
        command: What does it on the command line, which alone shows it.
    """

    exit_code = 1

    def __init__(self, message: str, *, action: str = "", details: str = "", command: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.details = details
        self.command = command

    def __str__(self) -> str:
        return f"{self.message} {self.action}".strip()

    def info(self) -> ErrorInfo:
        """The error as data."""
        return ErrorInfo(
            kind=type(self).__name__,
            message=self.message,
            action=self.action,
            details=self.details,
            command=self.command,
        )


class UsageError(PqvError):
    """The command line or a setting is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """One setting holds a value that cannot be.

    Args:
        field: Dotted name of the setting, such as ``prune.ratio``.
    """

    def __init__(self, message: str, *, field: str = "", action: str = "", details: str = "") -> None:
        super().__init__(message, action=action, details=details)
        self.field = field


class ProjectError(PqvError):
    """The project file, or a run beside it, cannot be used."""


class StorageError(PqvError):
    """The disk is full, a folder is missing, or it may not be written."""


class DataError(PqvError):
    """The images cannot be used."""


class ModelError(PqvError):
    """The model or its weights cannot be had."""


class PruneError(PqvError):
    """The model cannot be pruned as asked."""


class TrainingError(PqvError):
    """Fine-tuning diverged or cannot start."""


class QuantizeError(PqvError):
    """This precision or engine is not available for this model on this machine."""


class ExportError(PqvError):
    """The file cannot be written, or does not agree with the model it came from."""


class BenchmarkError(PqvError):
    """The measurement failed."""


class PluginError(PqvError):
    """What another package brings cannot be loaded."""


class WorkerError(PqvError):
    """The worker process died or did not answer."""


class ToldError(PqvError):
    """An error that another process, or a job, has told of; as data it keeps the kind that it had there."""

    def __init__(self, error: ErrorInfo, *, message: str = "") -> None:
        super().__init__(message or error.message, action=error.action, details=error.details, command=error.command)
        self._kind = error.kind

    def info(self) -> ErrorInfo:
        """The error as data."""
        return super().info().model_copy(update={"kind": self._kind})


class ClusterError(PqvError):
    """Other computers cannot do what they are asked to."""


class DeviceError(PqvError):
    """A phone cannot be used as asked."""


class DeviceAwayError(DeviceError):
    """A phone is not there, or does not let itself be talked to: whatever is asked of it would fail."""


class Cancelled(Exception):  # noqa: N818 - an outcome, not an error
    """Raised inside a job once the person has asked for its end."""


_OS_SENTENCES = {
    errno.ENOSPC: ("The disk is full", "Free some space, then run again: finished work is kept."),
    errno.EDQUOT: ("The disk quota is used up", "Free some space, then run again: finished work is kept."),
    errno.EACCES: ("Permission denied", "Choose another folder or change its permissions."),
    errno.EPERM: ("Permission denied", "Choose another folder or change its permissions."),
    errno.EROFS: ("The file system is read-only", "Choose a folder that can be written."),
    errno.ENOENT: ("The file or folder does not exist", "Check the path."),
    errno.ENOTDIR: ("A part of the path is not a folder", "Check the path."),
    errno.EISDIR: ("The path is a folder, not a file", "Give the path of a file."),
    errno.EEXIST: ("The file already exists", "Choose another name."),
    errno.ENAMETOOLONG: ("The name is too long", "Choose a shorter name."),
    errno.EMFILE: ("Too many files are open", "Raise the limit (ulimit -n) and run again."),
    errno.ENFILE: ("Too many files are open", "Close other programs and run again."),
    errno.ENOMEM: (
        "There is not enough memory",
        "Close other programs or raise the limit (ulimit -v).",
    ),
    errno.EAGAIN: (
        "No more processes or threads can be started",
        "Close other programs, or raise the limit (ulimit -u).",
    ),
}


def from_os_error(error: OSError, path: str | os.PathLike[str] | None = None) -> StorageError:
    """Words for an operating-system error met while reading or writing."""
    what, action = _OS_SENTENCES.get(
        error.errno or 0, (error.strerror or "The file could not be used", "Check the path.")
    )
    where = path if path is not None else error.filename
    message = f"{what}: {Path(os.fsdecode(where))}." if isinstance(where, str | bytes | os.PathLike) else f"{what}."
    return StorageError(message, action=action, details=f"{type(error).__name__}: {error}")


def foreseen(error: Exception) -> PqvError | None:
    """An error in words for a person, where it is ours or the operating system's; None for any other."""
    if isinstance(error, PqvError):
        return error
    return from_os_error(error) if isinstance(error, OSError) else None
