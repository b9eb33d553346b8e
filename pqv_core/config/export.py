"""Which files are written, for whom, and what they must fulfil."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pqv_core.config.base import Config, look_up, one_of
from pqv_core.config.quantize import ENGINES, ChoiceInfo, QuantizeConfig
from pqv_core.errors import ConfigError
from pqv_core.formats import FORMATS, default, suffixes
from pqv_core.formats.base import NO_ENGINE
from pqv_core.schemes import SCHEMES

Target = Literal["host", "android"]

TARGETS: dict[Target, ChoiceInfo] = {
    "host": ChoiceInfo("This computer", "Passes and engine chosen by measuring on this computer."),
    "android": ChoiceInfo("Android", "Only what the formats' runtimes for phones support."),
}
_NAME = re.compile(r"[\w][\w.+\- ]{0,103}")


class ExportConfig(Config):
    """The exported files.

    Attributes:
        formats: In which formats the model is written.
        target: Where the file will run.
        baselines: Write the files that the result is compared with, too, and measure them beside it. Without them there
            is no speed-up, and a run takes a fraction of the time: what the trials of a study need.
        file_name: Name of the file, with a format's suffix; None makes one from model, precision and engine.
        fp32_tolerance: Largest relative error ‖a − b‖₂ ∕ ‖b‖₂ of the logits for a fp32 file.
        fp16_tolerance: The same for an fp16 file, against the fp32 model.
        int8_tolerance: The same for an int8 file, against the fp32 model.
        int4_tolerance: The same for a file whose weights are in 4 bits.
    """

    formats: tuple[Annotated[str, one_of(FORMATS)], ...] = Field(default_factory=lambda: (default(),), min_length=1)
    target: Target = "host"
    baselines: bool = True
    file_name: str | None = None
    fp32_tolerance: float = Field(default=1e-4, gt=0)
    fp16_tolerance: float = Field(default=1e-2, gt=0)
    int8_tolerance: float = Field(default=0.1, gt=0)
    int4_tolerance: float = Field(default=0.3, gt=0)

    @property
    def chooses_engine(self) -> bool:
        """Whether some of the files can be run with one engine or another."""
        return any(FORMATS[format].chooses_engine(self.target) for format in self.formats)

    def tolerance(self, precision: str) -> float:
        """The largest relative error that a file of ``precision`` may have.

        Raises:
            ConfigError: There is no such precision.
        """
        storage = look_up(SCHEMES, precision, field="quantize.precision").storage
        allowed = {"fp32": self.fp32_tolerance, "fp16": self.fp16_tolerance, "int8": self.int8_tolerance}
        return {**allowed, "int4": self.int4_tolerance}[storage]

    @field_validator("file_name")
    @classmethod
    def _plain_name(cls, value: str | None) -> str | None:
        known = suffixes()
        if value is not None and not (_NAME.fullmatch(value) and value.endswith(known) and value not in known):
            raise ValueError(f"the file name must be a plain name ending in {' or '.join(known)}, without folders")
        return value

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))


def named_formats(text: str) -> list[str]:
    """The formats that a person names on the command line, ``ptl,pte``; whether there are such is another question."""
    return [part.strip() for part in text.split(",") if part.strip()]


def usual_formats(target: Target, *, precision: str) -> tuple[str, ...]:
    """The formats in which a model is written for a target unless others are asked for.

    For Android all that can be written here and that phones run, so that the faster one is seen; for this computer one.

    Raises:
        ConfigError: There is no such target or precision.
    """
    possible = [format for format in FORMATS if format_problem(format, target, precision=precision) is None]
    return tuple(possible if target == "android" else possible[:1]) or (default(),)


def formats_for(target: Target, *, before: ExportConfig, precision: str) -> tuple[str, ...]:
    """The formats for another target: the usual ones, or those that were asked for in their place."""
    if before.formats == usual_formats(before.target, precision=precision):
        return usual_formats(target, precision=precision)
    return before.formats


def problems(export: ExportConfig, quantize: QuantizeConfig) -> Iterator[ConfigError]:
    """Every reason why files cannot be written as asked."""
    for format in export.formats:
        found = format_problem(format, export.target, precision=quantize.precision)
        if found is None and quantize.uses_engine:
            found = engine_problem(quantize.engine, export.target, format=format)
        if found is not None:
            yield found


def format_problem(format: str, target: str, *, precision: str) -> ConfigError | None:
    """Why no files of a format can be written here for ``target`` in a precision; None where they can.

    Raises:
        ConfigError: There is no such target or precision.
    """
    info = FORMATS[format]
    if not engines(target, format=format):
        return ConfigError(
            f"{info.label} files do not run on {TARGETS[target].label}.",  # type: ignore[index]  # looked up above
            field="export.formats",
            action="Choose another format or target.",
        )
    if missing := info.missing():
        return ConfigError(missing[0], field="export.formats", action=missing[1])
    scheme = look_up(SCHEMES, precision, field="quantize.precision")
    if not info.writes(scheme):
        possible = ", ".join(each.label for each in SCHEMES.values() if info.writes(each))
        return ConfigError(
            f"{info.label} files cannot be written in {scheme.label}.",
            field="export.formats",
            action=f"Choose another format, or one of these precisions: {possible}.",
        )
    return None


def engines(target: str, *, format: str | None = None) -> tuple[str, ...]:
    """The engines that a file of a format can be run with on ``target``; of the default format unless one is given.

    Raises:
        ConfigError: There is no such target.
    """
    look_up(TARGETS, target, field="export.target")
    return FORMATS[format or default()].engines.get(target, ())


def engine_problem(engine: str, target: str, *, format: str | None = None) -> ConfigError | None:
    """Why a file for ``target`` cannot use ``engine``; None when it can, or when no engine is chosen for such files."""
    allowed = engines(target, format=format)
    if engine in allowed or allowed in ((), (NO_ENGINE,)):  # there is nothing to choose
        return None
    found = [look_up(ENGINES, key, field="quantize.engine").label for key in (engine, *reversed(allowed))]
    return ConfigError(
        f"The engine {found[0]} does not run on {look_up(TARGETS, target, field='export.target').label}.",
        field="quantize.engine",
        action=f"Choose {' or '.join(found[1:])}.",
    )
