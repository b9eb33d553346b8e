"""Which file is written, for whom, and what it must fulfil."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from pqv_core.config.base import Config

Target = Literal["host"]
_NAME = re.compile(r"[\w][\w.+\- ]{0,100}\.ptl")


class ExportConfig(Config):
    """The PyTorch Lite file.

    Attributes:
        target: Where the file will run.
        file_name: Name of the file (ending in ``.ptl``); None makes one from model, precision and engine.
        fp32_tolerance: Largest relative error ‖a − b‖₂ ∕ ‖b‖₂ of the logits for a fp32 file.
        int8_tolerance: The same for an int8 file, against the fp32 model.
    """

    target: Target = "host"
    file_name: str | None = None
    fp32_tolerance: float = Field(default=1e-4, gt=0)
    int8_tolerance: float = Field(default=0.1, gt=0)

    @field_validator("file_name")
    @classmethod
    def _plain_name(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("the file name must be a plain name ending in .ptl, without folders")
        return value
