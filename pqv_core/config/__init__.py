"""One frozen config per technique, and the whole that a run is made from."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from pqv_core import formatting
from pqv_core.config.base import Config
from pqv_core.config.budget import BudgetConfig
from pqv_core.config.data import DataConfig
from pqv_core.config.export import ExportConfig
from pqv_core.config.finetune import FinetuneConfig
from pqv_core.config.measure import MeasureConfig
from pqv_core.config.model import ModelConfig
from pqv_core.config.prune import PruneConfig
from pqv_core.config.quantize import QuantizeConfig
from pqv_core.config.tokens import TokensConfig
from pqv_core.errors import ConfigError

__all__ = [
    "BudgetConfig",
    "Config",
    "DataConfig",
    "ExportConfig",
    "FinetuneConfig",
    "MeasureConfig",
    "ModelConfig",
    "PruneConfig",
    "QuantizeConfig",
    "RunConfig",
    "TokensConfig",
    "setting_names",
    "with_setting",
    "with_settings",
]


class RunConfig(Config):
    """Everything that a run depends on, apart from the machine."""

    model: ModelConfig = Field(default_factory=ModelConfig)
    data: DataConfig = Field(default_factory=DataConfig)
    prune: PruneConfig = Field(default_factory=PruneConfig)
    budget: BudgetConfig = Field(default_factory=BudgetConfig)
    tokens: TokensConfig = Field(default_factory=TokensConfig)
    finetune: FinetuneConfig = Field(default_factory=FinetuneConfig)
    quantize: QuantizeConfig = Field(default_factory=QuantizeConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)
    measure: MeasureConfig = Field(default_factory=MeasureConfig)
    seed: int = Field(default=0, ge=0, lt=2**31)

    @property
    def pruning(self) -> PruneConfig:
        """How the model is cut: as ``prune`` says, in widths that the quantization scheme takes."""
        return self.prune.aligned(self.quantize.scheme.inputs_multiple)

    @property
    def prunes_for_budget(self) -> bool:
        """Whether the model is cut until it is fast or small enough, instead of by a ratio."""
        return self.prune.enabled and self.budget.is_set

    @property
    def cuts_embedding(self) -> bool:
        """Whether the embedding may become narrower."""
        return self.prune.enabled and self.prune.embedding

    @property
    def cut_words(self) -> str:
        """How far the model is cut, in words: ``25.0 %``, ``at most 30 ms``; empty where it is not."""
        if not self.prune.enabled:
            return ""
        return self.budget.words or formatting.percent(self.prune.ratio)

    @property
    def tuning_words(self) -> str:
        """How the model is fine-tuned, in words: ``1 epoch between 3 steps, then 10 epochs``; empty where it is not."""
        prune, after = self.prune, self.finetune.epochs
        then = formatting.counted(after, "epoch") if after else ""
        if not prune.trains_between:
            return then
        between = f"{formatting.counted(prune.epochs_between, 'epoch')} between {prune.steps:,} steps"
        return f"{between}, then {then}" if then else between

    @property
    def uses_engine(self) -> bool:
        """Whether there are layers that an engine runs which is chosen."""
        return self.quantize.uses_engine and self.export.chooses_engine


def setting_names() -> list[str]:
    """Dotted names of all settings, such as ``prune.ratio``."""
    names = []
    for section, info in RunConfig.model_fields.items():
        fields = getattr(info.annotation, "model_fields", None)
        names += [f"{section}.{field}" for field in fields] if fields else [section]
    return names


def with_setting(config: RunConfig, name: str, text: str) -> RunConfig:
    """A copy in which the setting with the dotted ``name`` holds what ``text`` says.

    ``text`` is read as JSON where it is JSON (numbers, true, null, objects), else as a plain string.
    ``model.arguments.KEY`` sets one keyword argument of the model.

    Raises:
        ConfigError: There is no such setting, or it cannot hold this value.
    """
    is_argument = name.startswith("model.arguments.") and name != "model.arguments."
    if name not in setting_names() and not is_argument:
        raise ConfigError(
            f"Unknown setting: {name!r}.",
            field=name,
            action=f"Choose one of: {', '.join(setting_names())}.",
        )
    value = _value(text)
    try:
        return _with_value(config, name, value)
    except ConfigError:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise
        with contextlib.suppress(ConfigError):  # a folder may be named 2024
            return _with_value(config, name, text)
        raise


def _with_value(config: RunConfig, name: str, value: Any) -> RunConfig:
    return with_settings(config, {name: value})


def with_settings(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """A copy in which settings, given by their dotted names, hold other values.

    Raises:
        ConfigError: One cannot hold its value.
    """
    plain = config.model_dump()
    for name, value in values.items():
        level: dict[str, Any] = plain
        *path, last = name.split(".", 2)
        for part in path:
            level = level[part]
        level[last] = value
    return RunConfig.parse(plain)


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda word: word)  # NaN stays a word, and is refused as one
    except (ValueError, RecursionError):
        return text
