"""From what a person said to a new study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pqv_core.config import with_setting, with_settings
from pqv_core.config.base import config_error
from pqv_core.errors import ConfigError
from pqv_core.project import project_file as projects
from pqv_core.study import space
from pqv_core.study.study_file import TRIAL_SETTINGS, StudyFile

_TRIALS = 30


@dataclass(frozen=True)
class Choices:
    """What was said.

    Attributes:
        vary: ``KEY=VALUES`` pairs.
        objectives: None given: accuracy, where there are validation images, and latency; else latency and size.
        trials: Most of them; None for 30, or for no limit where hours or a grid end the study.
        settings: ``KEY=VALUE`` pairs for all trials; what is said here counts more than what trials leave out.
    """

    project: Path
    vary: Sequence[str]
    objectives: Sequence[str] = ()
    constraints: Sequence[str] = ()
    sampler: str = "tpe"
    trials: int | None = None
    hours: float | None = None
    early_stop: bool = True
    seed: int = 0
    settings: Sequence[str] = ()


def build(choices: Choices) -> StudyFile:
    """A study that can be run.

    Raises:
        ProjectError: The project cannot be read.
        UsageError: Something does not go together.
    """
    config = projects.load(choices.project).config
    ended = choices.hours is not None or choices.sampler == "grid"
    usual = ("top1", "latency") if config.data.val else ("latency", "size")
    vary = _varied(choices.vary)
    settings: dict[str, object] = dict(TRIAL_SETTINGS)
    changed = with_settings(config, settings)
    for pair in choices.settings:
        name, text = _split(pair)
        if name in vary:
            raise ConfigError(f"{name} is varied and set.", field=name, action="Give it to one of --vary and --set.")
        changed = with_setting(changed, name, text)
        settings[name] = _held(changed.model_dump(mode="json"), name)
    for name in vary:
        settings.pop(name, None)
    try:
        study = StudyFile(
            project=choices.project.name,
            config=config,
            settings=settings,
            vary=vary,
            objectives=tuple(choices.objectives) or usual,
            constraints=tuple(choices.constraints),
            sampler=choices.sampler,
            trials=_TRIALS if choices.trials is None and not ended else choices.trials,
            hours=choices.hours,
            early_stop=choices.early_stop,
            seed=choices.seed,
        )
    except ValidationError as error:
        raise config_error(error) from error
    study.check()
    return study


def _varied(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, text = space.split(pair)
        if name in found:
            raise ConfigError(f"{name} is varied twice.", field=name, action="Give each setting one --vary.")
        found[name] = text
    return found


def _split(pair: str) -> tuple[str, str]:
    name, sign, text = pair.partition("=")
    if not sign or not name.strip():
        raise ConfigError(f"--set takes KEY=VALUE, not {pair!r}.", action="For example: --set finetune.epochs=5.")
    return name.strip(), text.strip()


def _held(plain: dict[str, object], name: str) -> object:
    level: object = plain
    for part in name.split(".", 2):
        level = level[part] if isinstance(level, dict) else None
    return level
