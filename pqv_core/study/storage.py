"""Optuna's journal of a study: opened by the one process that runs it, read by everybody.

Any tool that reads Optuna's journal files, such as its dashboard, opens it.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial

from pqv_core.errors import ProjectError, from_os_error
from pqv_core.files.fsio import remove
from pqv_core.project import run_lock
from pqv_core.study.samplers import Bounds, made
from pqv_core.study.study_file import JOURNAL_FILE, STUDY_FILE, StudyFile

_ASKED = "asked"
"""The attribute of Optuna's study with ``StudyFile.asked``: its trials can be compared only while that is the same."""

_PATIENCE_S = 1.0  # those who only look hold the lock for an instant
_BLOCK = 1 << 16


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a study for running it; the hold ends with the process, however it ends.

    Raises:
        ProjectError: Another process runs it.
        StorageError: Its folder may not be written, or is on a drive that cannot lock.
    """
    lock = FileLock(folder / run_lock.LOCK_FILE, timeout=_PATIENCE_S)
    try:
        folder.stat()  # filelock would make it
        lock.acquire()
    except Timeout as error:
        raise ProjectError(
            f"Another process runs the study {folder.stem}.", action="Wait for it to end, or cancel it there."
        ) from error
    except (OSError, NotImplementedError) as error:
        raise from_os_error(error if isinstance(error, OSError) else OSError(str(error)), folder) from error
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process runs a study now."""
    return run_lock.is_held(folder)


class Journal:
    """The trials of a study, as Optuna keeps them.

    Args:
        folder: Of the study.
        name: What Optuna calls it.
    """

    def __init__(self, folder: Path, storage: JournalStorage, name: str) -> None:
        self._folder = folder
        self._storage = storage
        self._id = storage.get_study_id_from_name(name)
        self.study = optuna.load_study(study_name=name, storage=storage)

    def trials(self) -> list[FrozenTrial]:
        """All trials, by their numbers; Optuna's own, not to be changed. Asked again, only what is new is read.

        Raises:
            ProjectError: The journal is damaged.
            StorageError: It cannot be read.
        """
        with _read(self._folder):
            return self._storage.get_all_trials(self._id, deepcopy=False)

    def keep(self, number: int, attributes: Mapping[str, Any]) -> None:
        """Keep attributes of a trial that is not over."""
        for name, value in attributes.items():
            self._storage.set_trial_user_attr(self._trial_id(number), name, value)

    def going_on(self, number: int) -> Trial:
        """A trial that an earlier process had begun, for the sampler to choose what it had not yet."""
        return Trial(self.study, self._trial_id(number))

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def opened(folder: Path, study: StudyFile, *, bounds: Bounds | None) -> Journal:
    """The journal of a study, for whoever holds it: what was killed while it wrote is mended first.

    Raises:
        ProjectError: It is damaged, or its trials are of another study.
        StorageError: It cannot be read or written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / JOURNAL_FILE
    try:
        _mend(path)
        remove(path.with_name(f"{path.name}.lock"))  # of a writer that was killed; others would wait for it
    except OSError as error:
        raise from_os_error(error, path) from error
    with _read(folder):
        storage = _storage(path)
        known = [item.study_name for item in storage.get_all_studies()]
        name = known[0] if known else folder.stem  # the folder may have got another name
        directions = [goal.direction for goal in study.goals]
        optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
        found = Journal(folder, storage, name)
        if _ASKED not in found.study.user_attrs:
            found.study.set_user_attr(_ASKED, study.asked)
        _check_asked(found.study, study, folder)
        done = len(found.trials())
        found.study.sampler = made(study.sampler, seed=study.seed + done, bounds=bounds, trials=study.wanted or 1000)
        names = [goal.named for goal in study.goals]
        if found.study.metric_names != names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                found.study.set_metric_names(names)
    return found


def _check_asked(trials: optuna.Study, study: StudyFile, folder: Path) -> None:
    if trials.user_attrs.get(_ASKED, study.asked) != study.asked:
        raise ProjectError(
            f"The study {folder.stem} asks for something else than when it began.",
            action=f"Put {STUDY_FILE} back as it was, or make another study.",
        )


def watched(folder: Path, study: StudyFile) -> Journal | None:
    """The journal of a study, to be read while another process may write; None before its first trial.

    Raises:
        ProjectError: It is damaged, or its trials are of another study.
        StorageError: It cannot be read.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / JOURNAL_FILE
    if not path.exists():  # Optuna would make it
        return None
    with _read(folder):
        storage = _storage(path)
        known = storage.get_all_studies()
        if not known:
            return None
        found = Journal(folder, storage, known[0].study_name)
        _check_asked(found.study, study, folder)
        return found


@contextlib.contextmanager
def _read(folder: Path) -> Iterator[None]:
    """Words for what Optuna says of a journal that it cannot read."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, folder / JOURNAL_FILE) from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise ProjectError(
            f"The journal of the study {folder.stem} is damaged.",
            action=f"Restore an earlier copy of {JOURNAL_FILE}, or make the study anew; its runs are not affected.",
            details=f"{type(error).__name__}: {error}",
        ) from error


def _storage(path: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))


def _mend(path: Path) -> None:
    """Cut off a last line that is not whole: what it would have said is found out again."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        while True:
            end = file.seek(0, 2)
            begin = _last_line(file, end)
            file.seek(begin)
            line = file.read(end - begin)
            if not line or (line.endswith(b"\n") and _is_json(line)):
                return
            file.truncate(begin)


def _last_line(file: BinaryIO, end: int) -> int:
    """Where the last line begins."""
    at = end - 1
    while at > 0:
        begin = max(0, at - _BLOCK)
        file.seek(begin)
        found = file.read(at - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
