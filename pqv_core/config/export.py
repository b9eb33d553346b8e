"""Which file is written, for whom, and what it must fulfil."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pqv_core.config.base import Config, look_up, one_of
from pqv_core.config.quantize import ENGINES, ChoiceInfo
from pqv_core.errors import ConfigError
from pqv_core.formats import FORMATS, default, suffixes
from pqv_core.schemes import SCHEMES

Target = Literal["host", "android"]

TARGETS: dict[Target, ChoiceInfo] = {
    "host": ChoiceInfo("This computer", "Passes and engine chosen by measuring on this computer."),
    "android": ChoiceInfo("Android", "Only what PyTorch's mobile runtime supports; int8 on QNNPACK."),
}
_NAME = re.compile(r"[\w][\w.+\- ]{0,103}")


class ExportConfig(Config):
    """The exported files.

    Attributes:
        formats: In which formats the model is written.
        target: Where the file will run.
        runtime: Version of the formats' runtime for devices; of no meaning for this computer.
        file_name: Name of the file, with a format's suffix; None makes one from model, precision and engine.
        fp32_tolerance: Largest relative error ‖a − b‖₂ ∕ ‖b‖₂ of the logits for a fp32 file.
        fp16_tolerance: The same for an fp16 file, against the fp32 model.
        int8_tolerance: The same for an int8 file, against the fp32 model.
    """

    formats: tuple[Annotated[str, one_of(FORMATS)], ...] = Field(default_factory=lambda: (default(),), min_length=1)
    target: Target = "host"
    runtime: str = Field(default_factory=lambda: FORMATS[default()].default_runtime)
    file_name: str | None = None
    fp32_tolerance: float = Field(default=1e-4, gt=0)
    fp16_tolerance: float = Field(default=1e-2, gt=0)
    int8_tolerance: float = Field(default=0.1, gt=0)

    def tolerance(self, precision: str) -> float:
        """The largest relative error that a file of ``precision`` may have.

        Raises:
            ConfigError: There is no such precision.
        """
        storage = look_up(SCHEMES, precision, field="quantize.precision").storage
        return {"fp32": self.fp32_tolerance, "fp16": self.fp16_tolerance, "int8": self.int8_tolerance}[storage]

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

    @field_validator("runtime")
    @classmethod
    def _known_runtime(cls, value: str) -> str:
        known = [version for info in FORMATS.values() for version in info.runtimes()]
        if value not in known:
            raise ValueError(f"the Android runtime {value} is not known; choose one of: {', '.join(known)}")
        return value


def engines(target: str, *, format: str | None = None) -> tuple[str, ...]:
    """The engines that a file of a format can be run with on ``target``; of the default format unless one is given.

    Raises:
        ConfigError: There is no such target.
    """
    look_up(TARGETS, target, field="export.target")
    return FORMATS[format or default()].engines.get(target, ())


def engine_problem(engine: str, target: str, *, format: str | None = None) -> ConfigError | None:
    """Why a file for ``target`` cannot use ``engine``; None when it can."""
    allowed = engines(target, format=format)
    if engine in allowed:
        return None
    found = [look_up(ENGINES, key, field="quantize.engine").label for key in (engine, *reversed(allowed))]
    return ConfigError(
        f"The engine {found[0]} does not run on {look_up(TARGETS, target, field='export.target').label}.",
        field="quantize.engine",
        action=f"Choose {' or '.join(found[1:])}.",
    )
