"""The open project: its file, its settings as a person edits them, undo and redo, and whether it is saved."""

from __future__ import annotations

import contextlib
import copy
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pqv_core.config import RunConfig
from pqv_core.errors import UsageError, from_os_error
from pqv_core.project import project_file as projects
from pqv_gui.viewmodels.undo_history import UndoHistory
from pqv_gui.viewmodels.undoable import Undoable

Plain = dict[str, Any]
Write = Callable[[Path, projects.Project], None]
_FILE_NAME = re.compile(r"[\w][\w.+\- ]{0,80}")
_SECTION_FIELD = {
    "model": "model.path",
    "data": "data.white",
    "prune": "prune.attention",
    "tokens": "tokens.merge",
}  # where a rule over several fields is shown

_WORDS = {
    "finetune.auto_augment": "unknown timm policy; for example rand-m9-mstd0.5-inc1",
    "export.formats": "tick at least one format",
}


@dataclass(frozen=True)
class Problem:
    """A setting that cannot stay as it is, and why, in words for a person."""

    field: str
    message: str


class ProjectSession(Undoable):
    """At most one open project.

    What a person edits is a draft: it may be invalid for a while (weights "from a file" before the file is
    chosen). ``config`` is the last valid state; that is what is saved and run.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self.path: Path | None = None
        self.writer: str | None = None  # who changes the project, where that is not this window
        self._project = projects.Project()
        self._saved: tuple[RunConfig, tuple[projects.QueuedRun, ...]] | None = None
        self._begin(self._project)

    def _begin(self, project: projects.Project) -> None:
        self._project = project
        self._history = UndoHistory(project.config.model_dump(mode="json"), clock=self._clock)
        self.config: RunConfig = project.config
        self.queue = project.queue
        self.problems: tuple[Problem, ...] = ()

    # the file ------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether there is a project."""
        return self.path is not None

    @property
    def writable(self) -> bool:
        """Whether the settings can be changed here."""
        return self.writer is None

    @property
    def name(self) -> str:
        """The project's name, without folder and suffix."""
        return self.path.stem if self.path else ""

    @property
    def unsaved(self) -> bool:
        """Whether the valid settings differ from those in the file."""
        return self.is_open and self._saved != self._kept(self.snapshot())

    def create(self, folder: Path, name: str, *, config: RunConfig | None = None) -> None:
        """Begin a new project ``name`` in ``folder`` and write its file.

        Raises:
            UsageError: The name cannot be that of a file, or there is such a project already.
            StorageError: The folder may not be written.
        """
        path = new_path(folder, name)
        project = projects.Project(config=config or RunConfig())
        projects.save(path, project)
        self.adopt(path, project)

    def open(self, path: Path, *, writer: str | None = None) -> None:
        """Open a project file; where another window is its ``writer`` nothing can be changed.

        Raises:
            ProjectError: It is missing, damaged or newer than this program.
        """
        self.adopt(path, projects.load(path), writer=writer)

    def adopt(self, path: Path, project: projects.Project, *, writer: str | None = None) -> None:
        """Go on with a project that was read elsewhere."""
        self.path, self.writer = path.resolve(), writer
        self._begin(project)
        self._saved = self._kept(project)
        self.notify()

    def close(self) -> None:
        """Forget the project."""
        self.path = self.writer = None
        self._begin(projects.Project())
        self.notify()

    def snapshot(self) -> projects.Project:
        """The project as it would be saved now."""
        return self._project.model_copy(update={"config": self.config, "queue": self.queue})

    @staticmethod
    def _kept(project: projects.Project) -> tuple[RunConfig, tuple[projects.QueuedRun, ...]]:
        """What of a project can change while it is open."""
        return project.config, project.queue

    def set_queue(self, queue: tuple[projects.QueuedRun, ...]) -> None:
        """Keep which runs wait. It is no setting: undo leaves it as it is."""
        self.queue = queue
        self.notify()

    def save(self, write: Write = projects.save_open) -> None:
        """Write the file.

        Args:
            write: Who does it.

        Raises:
            StorageError: The folder is missing, full, or may not be written.
        """
        if self.path is not None:
            project = self.snapshot()
            write(self.path, project)
            self.mark_saved(project)

    def mark_saved(self, project: projects.Project) -> None:
        """Note that ``project`` is what the file holds now."""
        self._saved = self._kept(project)
        self.notify()

    def save_as(self, path: Path, write: Write = projects.save) -> None:
        """Write a copy and go on with it; stored relative paths are made to fit its folder.

        Args:
            write: Who does it.

        Raises:
            StorageError: The folder is missing, full, or may not be written.
        """
        if self.path is None:
            return
        path = projects.named(path)
        waiting = tuple(item.model_copy(update={"config": self._moved(item.config, path)}) for item in self.queue)
        project = self._project.model_copy(update={"config": self._moved(self.config, path), "queue": waiting})
        write(path, project)
        self.adopt(path, project)

    def save_copy(self, path: Path, write: Write = projects.save) -> None:
        """Write a copy and stay with this project, to which what runs and waits belongs.

        Raises:
            StorageError: The folder is missing, full, or may not be written.
        """
        write(path, self._project.model_copy(update={"config": self._moved(self.config, path), "queue": ()}))

    def _moved(self, config: RunConfig, path: Path) -> RunConfig:
        """Settings that mean the same files in a project at ``path``."""
        assert self.path is not None
        plain = config.model_dump()
        for section, field in (("model", "path"), ("data", "train"), ("data", "val")):
            stored = plain[section][field]
            if stored and not Path(stored).is_absolute():
                meant = projects.resolved_path(stored, project=self.path)
                plain[section][field] = projects.stored_path(meant, project=path)
        return RunConfig.parse(plain)

    def resolved(self, stored: str) -> Path:
        """The absolute path that a path in the settings means."""
        return projects.resolved_path(stored, project=self.path or Path.cwd() / "project.pqv")

    def stored(self, path: Path) -> str:
        """A path as it is kept in the settings: relative to the project where it lies below its folder."""
        if self.path is None:
            return str(path)
        stored = projects.stored_path(path, project=self.path)
        return path.resolve().as_posix() if stored.startswith("../..") else stored

    # the settings --------------------------------------------------------------------------------------------

    @property
    def draft(self) -> Plain:
        """The settings as they are being edited, as plain data. Not to be written to."""
        return self._history.state

    def get(self, name: str) -> Any:
        """The value of the setting with this dotted name."""
        value: Any = self.draft
        for part in name.split("."):
            value = value[part]
        return value

    def set(self, name: str, value: Any) -> None:
        """Change one setting."""
        self.set_many({name: value}, label=name)

    def set_many(self, values: Mapping[str, Any], *, label: str) -> None:
        """Change several settings in one step that is undone as one; ``label`` names the step.

        A project that is open to read stays as it is.
        """
        if not self.writable:
            self.notify()
            return
        draft = copy.deepcopy(self.draft)
        for name, value in values.items():
            *path, last = name.split(".")
            level = draft
            for part in path:
                level = level[part]
            level[last] = value
        if draft != self.draft:
            self._history.push(draft, label)
            self._settle()

    def _settle(self) -> None:
        try:
            self.config = RunConfig.model_validate(self.draft)
            self.problems = ()
        except ValidationError as error:
            self.problems = tuple(_problems(error))
        self.notify()


def _problems(error: ValidationError) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False):
        field = ".".join(str(part) for part in item["loc"])
        text = _WORDS.get(field) or item["msg"].removeprefix("Value error, ")
        problems.append(Problem(_SECTION_FIELD.get(field, field), f"{text[:1].upper()}{text[1:]}."))
    return problems


def new_path(folder: Path, name: str) -> Path:
    """Where a new project of this name would lie.

    Raises:
        UsageError: The name cannot be that of a file, or there is such a project already.
        StorageError: The folder may not be looked into.
    """
    name = name.strip().removesuffix(projects.SUFFIX)
    if not _FILE_NAME.fullmatch(name):
        raise UsageError(
            "A project name may contain letters, digits, spaces, dots and dashes.",
            action="Enter a name such as “deit-small”.",
        )
    path = folder / f"{name}{projects.SUFFIX}"
    try:
        taken = path.exists()
    except OSError as error:
        raise from_os_error(error, path) from error
    if taken:
        raise UsageError(
            f"A project named {name} already exists in this folder.",
            action="Choose another name, or open that project.",
        )
    return path


def free_name(folder: Path, wanted: str = "my-project") -> str:
    """A name that no project in ``folder`` has, as far as it may be looked into."""
    number = 1
    with contextlib.suppress(OSError):
        while (folder / f"{wanted if number == 1 else f'{wanted}-{number}'}{projects.SUFFIX}").exists():
            number += 1
    return wanted if number == 1 else f"{wanted}-{number}"
