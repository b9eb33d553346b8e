"""A study beside its project: the folder ``NAME.study`` with ``study.json``, and Optuna's journal of its trials.

``study.json`` says what is asked. Once there are trials, only how they are chosen and how many there are may change
(sampler, seed, limits, early stopping), by hand and while nobody runs it. It carries the project's settings as they
were, so that later changes of the project do not reach into it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from pqv_core.config import RunConfig, with_settings
from pqv_core.config.base import Config, look_up
from pqv_core.errors import ConfigError, ProjectError, UsageError, from_os_error
from pqv_core.files.fsio import read_json, sha256_json, write_json
from pqv_core.project import project_file as projects
from pqv_core.study import constraints, figures
from pqv_core.study.constraints import Constraint
from pqv_core.study.figures import Figure
from pqv_core.study.samplers import SAMPLERS
from pqv_core.study.space import Params, Space

SCHEMA_VERSION = 1
SUFFIX = ".study"
STUDY_FILE = "study.json"
JOURNAL_FILE = "journal.log"
TRIAL_SETTINGS = {"export.baselines": False, "measure.profile": False}
"""What a trial leaves out: it is compared with other trials. The settings that are chosen are run with all of it."""

_LIMIT_BYTES = 4 << 20


class StudyFile(Config):
    """What a study asks.

    Attributes:
        project: The project file, relative to the folder in which the study's folder lies.
        config: The project's settings when the study was made.
        settings: Other settings for every trial, by dotted name.
        vary: What is varied (``space.parse``), by the setting's dotted name.
        objectives: Keys of the figures to be as good as possible.
        constraints: What trials must keep to (``constraints.parse``).
        trials: Most of them; None for no limit.
        hours: After so many hours of work no trial begins; None for no limit.
        early_stop: Stop a trial while it is fine-tuned once its curve says that it is hopeless.
        seed: Of the sampler.
    """

    schema_version: int = SCHEMA_VERSION
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    project: str
    config: RunConfig
    settings: dict[str, Any] = Field(default_factory=lambda: dict(TRIAL_SETTINGS))
    vary: dict[str, str] = Field(min_length=1)
    objectives: tuple[str, ...] = Field(min_length=1, max_length=4)
    constraints: tuple[str, ...] = ()
    sampler: str = "tpe"
    trials: int | None = Field(default=30, ge=1, le=100_000)
    hours: float | None = Field(default=None, gt=0)
    early_stop: bool = True
    seed: int = Field(default=0, ge=0, lt=2**31)

    @field_validator("objectives")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("an objective is there twice")
        return value

    @cached_property
    def space(self) -> Space:
        """What is varied.

        Raises:
            ConfigError: A setting cannot hold its values.
        """
        return Space.of(with_settings(self.config, self.settings), self.vary)

    @cached_property
    def goals(self) -> tuple[Figure, ...]:
        """The figures to be as good as possible."""
        return tuple(figures.named(key) for key in self.objectives)

    @cached_property
    def bounds(self) -> tuple[Constraint, ...]:
        """What trials must keep to."""
        return tuple(constraints.parse(text) for text in self.constraints)

    def chosen(self, params: Params, *, base: RunConfig | None = None) -> RunConfig:
        """The settings of a trial for a run of its own: with all that trials leave out."""
        return self.space.config(params, base=base or self.config)

    @property
    def asked(self) -> str:
        """A hash of what all trials have in common; how they are chosen, and how many there are, may change."""
        common = self.model_dump(mode="json", include={"config", "settings", "vary", "objectives", "constraints"})
        return sha256_json(common)

    def check(self) -> None:
        """Refuse what no trial could do.

        Raises:
            ConfigError: A value cannot be.
            UsageError: What is asked does not go together.
        """
        look_up(SAMPLERS, self.sampler, field="sampler")
        asked = [*self.goals, *(bound.figure for bound in self.bounds)]
        blind = next((figure for figure in asked if figure.needs_images), None)
        if blind is not None and not self.config.data.val:
            raise UsageError(
                f"{blind.label} is known only with validation images, and the project has none.",
                action="Set data.val in the project, or choose other objectives: latency, size, memory.",
            )
        if self.config.export.target != "android" and any(figure.key == "energy" for figure in asked):
            raise UsageError(
                "Energy is measured on phones, and the project exports for this computer.",
                action="Choose Android as the place where the model runs, in the project.",
                command="pqv new … --target android",
            )
        if self.sampler == "grid":
            self.space.points()
        elif self.trials is None and self.hours is None and self.space.size is None:
            raise UsageError(
                "The study has no end.", action="Limit its trials or its hours.", command="--trials N, or --hours H"
            )

    @property
    def accuracy_decides(self) -> bool:
        """Whether a trial can be hopeless by its accuracy alone (``hopeless.py``)."""
        return self.accuracy_alone or self.accuracy_bounded

    @property
    def accuracy_alone(self) -> bool:
        """Whether accuracy is the only objective."""
        return len(self.goals) == 1 and self.goals[0].needs_images

    @property
    def accuracy_bounded(self) -> bool:
        """Whether accuracy has a constraint."""
        return any(bound.figure.needs_images for bound in self.bounds)

    @property
    def wanted(self) -> int | None:
        """How many trials are done at most: the limit, or all that there are."""
        known = [count for count in (self.trials, self.space.size) if count is not None]
        return min(known, default=None)


def named(path: Path) -> Path:
    """``path`` with the suffix of a study's folder."""
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def project_of(folder: Path, study: StudyFile) -> Path:
    """The project that a study belongs to."""
    return projects.resolved_path(study.project, project=folder)


def beside(project: Path) -> tuple[Path, ...]:
    """The folders of a project's studies, by their names; one whose file cannot be read is taken for the project's own.

    Raises:
        StorageError: The project's folder cannot be looked into.
    """
    try:
        found = [folder for folder in project.parent.iterdir() if folder.suffix == SUFFIX and folder.is_dir()]
    except OSError as error:
        raise from_os_error(error, project.parent) from error
    return tuple(folder for folder in sorted(found) if _project_named(folder) in (None, project.name))


def _project_named(folder: Path) -> str | None:
    """Which project the file of a study names; None where it cannot be read."""
    try:
        plain = read_json(folder / STUDY_FILE, limit=_LIMIT_BYTES)
    except (OSError, ValueError):
        return None
    named = plain.get("project") if isinstance(plain, dict) else None
    return named if isinstance(named, str) else None


def create(folder: Path, study: StudyFile) -> None:
    """Make the folder of a new study.

    Raises:
        UsageError: It is there already.
        StorageError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(
            f"{folder} already exists.", action="Choose another name with --name, or go on with: pqv study run."
        ) from error
    except OSError as error:
        raise from_os_error(error, folder) from error
    write_json(folder / STUDY_FILE, study.model_dump(mode="json"))


def load(folder: Path) -> StudyFile:
    """What a study asks.

    Raises:
        ProjectError: There is no study, it is damaged, or written by a newer version.
    """
    path = folder / STUDY_FILE
    try:
        plain = read_json(path, limit=_LIMIT_BYTES)
    except OSError as error:
        raise ProjectError(
            f"There is no study in {folder}: {from_os_error(error, path).message}",
            action=f"Give the path of a folder that ends in {SUFFIX}; make one with: pqv study new PROJECT.",
        ) from error
    except ValueError as error:
        raise ProjectError(f"The study {folder.name} is damaged.", action=_ANEW, details=str(error)) from error
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ProjectError(f"The study {folder.name} was written by a newer PQV-Mobile.", action="Update PQV-Mobile.")
    try:
        study = StudyFile.parse(plain)
        study.check()
    except ConfigError as error:
        raise ProjectError(
            f"The study {folder.name} contains an invalid value: {error.message}",
            action="Update PQV-Mobile, install the missing plug-in or correct the value.",
            details=error.details,
        ) from error
    return study


_ANEW = "Make it anew with: pqv study new. Its runs are not affected."
