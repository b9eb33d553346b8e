"""Which file is written, for whom, and what it must fulfil."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from pqv_core.config.base import Config, look_up
from pqv_core.config.quantize import ENGINES, ChoiceInfo, Engine
from pqv_core.errors import ConfigError
from pqv_core.ptl import android_runtime
from pqv_core.schemes import SCHEMES

Target = Literal["host", "android"]

TARGETS: dict[Target, ChoiceInfo] = {
    "host": ChoiceInfo("This computer", "Passes and engine chosen by measuring on this computer."),
    "android": ChoiceInfo("Android", "Only what PyTorch's mobile runtime supports; int8 on QNNPACK."),
}
_NAME = re.compile(r"[\w][\w.+\- ]{0,100}\.ptl")


class ExportConfig(Config):
    """The PyTorch Lite file.

    Attributes:
        target: Where the file will run.
        runtime: Version of the Android runtime; of no meaning for this computer.
        file_name: Name of the file (ending in ``.ptl``); None makes one from model, precision and engine.
        fp32_tolerance: Largest relative error ‖a − b‖₂ ∕ ‖b‖₂ of the logits for a fp32 file.
        fp16_tolerance: The same for an fp16 file, against the fp32 model.
        int8_tolerance: The same for an int8 file, against the fp32 model.
    """

    target: Target = "host"
    runtime: str = android_runtime.DEFAULT
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
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("the file name must be a plain name ending in .ptl, without folders")
        return value

    @field_validator("runtime")
    @classmethod
    def _known_runtime(cls, value: str) -> str:
        known = android_runtime.versions()
        if value not in known:
            raise ValueError(f"the Android runtime {value} is not known; choose one of: {', '.join(known)}")
        return value


def engines(target: Target) -> tuple[Engine, ...]:
    """The engines that a file for ``target`` can be run with. The runtimes for phones have QNNPACK only.

    Raises:
        ConfigError: There is no such target.
    """
    found: dict[str, tuple[Engine, ...]] = {"android": ("auto", "qnnpack"), "host": tuple(ENGINES)}
    return look_up(found, target, field="export.target")


def engine_problem(engine: Engine, target: Target) -> ConfigError | None:
    """Why a file for ``target`` cannot use ``engine``; None when it can."""
    if engine in engines(target):
        return None
    label = look_up(ENGINES, engine, field="quantize.engine").label
    return ConfigError(
        f"The engine {label} does not run on {TARGETS[target].label}.",
        field="quantize.engine",
        action="Choose QNNPACK or Auto.",
    )
