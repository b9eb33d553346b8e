"""What a study varies: settings by their dotted names, each over a list of values or a range of numbers.

A person writes ``prune.ratio=0.1:0.6:0.05`` (from, to, step), ``finetune.learning_rate=1e-5:1e-3:log`` or
``quantize.precision=fp32,int8-dynamic``. What a setting may hold is the configs' own rule.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pqv_core.config import RunConfig, with_setting, with_settings
from pqv_core.errors import ConfigError

if TYPE_CHECKING:
    from optuna import Trial

Word = str | int | float | bool | None
"""A value as a trial of Optuna holds it."""
Params = Mapping[str, Word]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER}|log))?")
_BEGINS_A_RANGE = re.compile(rf"{_NUMBER}:")
_MOST_VALUES = 100_000
_EXAMPLE = "For example: --vary prune.ratio=0.1:0.6:0.05, or --vary quantize.precision=fp32,int8-dynamic."


@dataclass(frozen=True)
class Choice:
    """A setting that takes one of several values.

    Attributes:
        words: The values as they are shown, and as Optuna holds them; what is no plain value, as JSON.
        values: The same as the setting takes them.
    """

    name: str
    words: tuple[Word, ...]
    values: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.words)

    @property
    def ends(self) -> tuple[Word, ...]:
        """The values whose being allowed says that all are."""
        return self.words

    def grid(self) -> tuple[Word, ...]:
        """Every value."""
        return self.words

    def suggested(self, trial: Trial) -> Word:
        """The value that the sampler chooses for a trial."""
        return trial.suggest_categorical(self.name, self.words)

    def value(self, word: Word) -> Any:
        """What the setting takes for a word."""
        return self.values[_position(self.words, word)]


@dataclass(frozen=True)
class Range:
    """A setting that takes numbers from ``low`` to ``high``, both included.

    Attributes:
        step: Between neighbours; None for any number.
        log: As many values are tried between 1 and 10 as between 10 and 100.
        whole: Whole numbers only.
    """

    name: str
    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    @property
    def size(self) -> int | None:
        """How many values there are; None where there is no end of them."""
        if self.step is not None:
            return round((self.high - self.low) / self.step) + 1
        return int(self.high - self.low) + 1 if self.whole else None

    @property
    def ends(self) -> tuple[Word, ...]:
        """The values whose being allowed says that all are."""
        return self.value(self.low), self.value(self.high)

    def grid(self) -> tuple[Word, ...]:
        """Every value, ascending.

        Raises:
            ConfigError: There is no end of them.
        """
        if self.size is None:
            raise ConfigError(
                f"{self.name}: a grid needs a step between {self.low:g} and {self.high:g}.",
                field=self.name,
                action=f"Write {self.name}={self.low:g}:{self.high:g}:STEP, or choose another sampler.",
            )
        step = self.step or 1
        return tuple(self.value(self.low + index * step) for index in range(self.size))

    def suggested(self, trial: Trial) -> Word:
        """The value that the sampler chooses for a trial."""
        if self.whole:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def value(self, word: Word) -> Any:
        """What the setting takes: without the digits that sums of steps leave, or that nobody would write."""
        assert isinstance(word, int | float)
        return round(word) if self.whole else float(f"{word:.{6 if self.step is None else 10}g}")


Parameter = Choice | Range


def parse(name: str, text: str, base: RunConfig) -> Parameter:
    """What is varied, from a person's words.

    Args:
        base: The settings that are varied; one that holds several values takes a single word for a list of one.

    Raises:
        ConfigError: There is no such setting, it cannot hold these values, or there is nothing to choose between.
    """
    made = _range(name, text, base) if _RANGE.fullmatch(text.strip()) else _choice(name, text, base)
    for word in made.ends:
        with_settings(base, {name: made.value(word)})
    return made


def _range(name: str, text: str, base: RunConfig) -> Range:
    found = _RANGE.fullmatch(text.strip())
    assert found is not None
    low, high, last = found.groups()
    with_setting(base, name, low)  # whether there is such a setting
    log, step = last == "log", float(last) if last not in (None, "log") else None
    first, end = float(low), float(high)
    if not (math.isfinite(first) and math.isfinite(end) and first < end):
        raise _wrong(name, f"a range goes from a smaller number to a larger one, and {text} does not")
    if step is not None and not (step > 0 and Decimal(last) <= Decimal(high) - Decimal(low)):
        raise _wrong(name, f"the step {step:g} does not fit between {first:g} and {end:g}")
    if step is not None and (end - first) / step > _MOST_VALUES:
        raise _wrong(name, f"there are more than {_MOST_VALUES:,} values between {first:g} and {end:g}")
    if log and first <= 0:
        raise _wrong(name, "a logarithmic range begins above 0")
    if step is not None:
        end = float(_last_step(Decimal(low), Decimal(high), Decimal(last)))
    whole = _is_whole(name, [part for part in found.groups() if part not in (None, "log")], base)
    return Range(name, first, end, step, log, whole)


def _last_step(low: Decimal, high: Decimal, step: Decimal) -> Decimal:
    """The largest number of a range that steps reach, as a person would reckon it."""
    return low + (high - low) // step * step


def _is_whole(name: str, numbers: Sequence[str], base: RunConfig) -> bool:
    """Whether a setting takes whole numbers: by what it holds, or where that is none, by how they are written."""
    written = all(re.fullmatch(r"[+-]?\d+", number) for number in numbers)
    now = _now(name, base)
    if isinstance(now, int) and not isinstance(now, bool) and not written:
        raise _wrong(name, "this setting takes whole numbers")
    return written and not isinstance(now, float)


def _choice(name: str, text: str, base: RunConfig) -> Choice:
    if _BEGINS_A_RANGE.match(text.strip()):
        raise _wrong(name, f"{text!r} is no range: write FROM:TO, FROM:TO:STEP or FROM:TO:log")
    plain = _listed(text)
    several = isinstance(_now(name, base), list | tuple)
    values = [[value] if several and not isinstance(value, list) else value for value in plain]
    words = [value if isinstance(value, Word) else json.dumps(value) for value in plain]
    if len({_typed(word) for word in words}) != len(words):
        raise _wrong(name, "a value is there twice")
    if len(words) < 2:
        raise _wrong(name, "a study varies a setting over at least two values")
    for value in values:  # one by one, for what is wrong with the first shall not hide that there is no such setting
        with_setting(base, name, value if isinstance(value, str) else json.dumps(value))
    return Choice(name, tuple(words), tuple(values))


def _listed(text: str) -> list[Any]:
    """The values of a list: JSON's, or words between commas."""
    if text.strip().startswith("["):
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError):
            plain = None
        if isinstance(plain, list):
            return plain
    return [_plain(part.strip()) for part in text.split(",") if part.strip()]


def _plain(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _now(name: str, base: RunConfig) -> Any:
    level: Any = base.model_dump()
    for part in name.split(".", 2):
        level = level.get(part) if isinstance(level, dict) else None
    return level


def _typed(word: Word) -> tuple[str, Word]:
    """A word as something that tells 1 from True, which are equal."""
    return ("bool" if isinstance(word, bool) else "", word)


def _position(words: Sequence[Word], word: Word) -> int:
    return [_typed(each) for each in words].index(_typed(word))


def _wrong(name: str, what: str) -> ConfigError:
    return ConfigError(f"{name}: {what}.", field=name, action=_EXAMPLE)


def word(value: Any) -> str:
    """A value for a person."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def words(params: Params) -> str:
    """What was varied, in a line: ``ratio 0.3, precision fp32``."""
    return ", ".join(f"{name.rpartition('.')[2]} {word(value)}" for name, value in params.items())


def split(pair: str) -> tuple[str, str]:
    """Name and values of ``KEY=VALUES``.

    Raises:
        ConfigError: It is not of this form.
    """
    name, sign, text = pair.partition("=")
    if not sign or not name.strip() or not text.strip():
        raise ConfigError(f"--vary takes KEY=VALUES, not {pair!r}.", action=_EXAMPLE)
    return name.strip(), text.strip()


@dataclass(frozen=True)
class Space:
    """Everything that a study varies, and what it leaves as it is.

    Attributes:
        base: The settings of every trial but for those that are varied.
        parameters: In the order of the stages that they touch: the first ones repeat the most.
    """

    base: RunConfig
    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, base: RunConfig, vary: Mapping[str, str]) -> Space:
        """A space from a person's words.

        Raises:
            ConfigError: As ``parse``.
        """
        found = [parse(name, text, base) for name, text in vary.items()]
        sections = ["seed", *(name for name in type(base).model_fields if name != "seed")]
        found.sort(key=lambda item: sections.index(item.name.split(".")[0]))
        return cls(base, tuple(found))

    @property
    def size(self) -> int | None:
        """How many different trials there are; None where there is no end of them."""
        sizes = [item.size for item in self.parameters]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def suggested(self, trial: Trial) -> Params:
        """What the sampler chooses for a trial; what it has chosen already stays."""
        return {item.name: item.suggested(trial) for item in self.parameters}

    def config(self, params: Params, *, base: RunConfig | None = None) -> RunConfig:
        """The settings of a trial.

        Args:
            base: Other settings to vary than the study's.

        Raises:
            ConfigError: They do not go together.
        """
        return with_settings(base or self.base, self.values(params))

    def values(self, params: Params) -> dict[str, Any]:
        """What each setting takes in a trial."""
        return {item.name: item.value(params[item.name]) for item in self.parameters if item.name in params}

    def key(self, params: Params) -> str:
        """The same for trials that do the same."""
        return json.dumps(self.values(params), sort_keys=True)

    def points(self) -> list[Params]:
        """Every combination; what touches the first stages changes last, so that neighbours share the most.

        Raises:
            ConfigError: There is no end of them, or there are very many.
        """
        grids = [item.grid() for item in self.parameters]
        count = math.prod(map(len, grids))
        if count > _MOST_VALUES:
            raise ConfigError(
                f"The grid has {count:,} points.", action="Use larger steps, vary less or choose another sampler."
            )
        names = [item.name for item in self.parameters]
        return [dict(zip(names, point, strict=True)) for point in itertools.product(*grids)]
