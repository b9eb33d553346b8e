"""What a run offers to an app: the compressed files, and what they say of their input and of their classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pqv_core import formats
from pqv_core.errors import ConfigError, ProjectError
from pqv_core.files.foreign_text import line
from pqv_core.formats import Format
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord, Variant

_NAME_LETTERS = 200
_ORDER = {1: "grey", 3: "RGB", 4: "RGBA"}


class InputRecipe(BaseModel):
    """How an image becomes a model's input, as an exported file says it.

    Attributes:
        input_size: (channels, height, width).
        mean: Of each channel, subtracted once pixels lie in 0 … 1.
        std: Of each channel, divided by after the mean.
        crop_pct: Share of the resized image that the centre crop keeps.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    input_size: tuple[int, int, int]
    mean: tuple[float, ...] = Field(min_length=1)
    std: tuple[float, ...] = Field(min_length=1)
    interpolation: Literal["nearest", "bilinear", "bicubic"]
    crop_pct: float = Field(gt=0, le=1)
    crop_mode: Literal["center", "squash", "border"]

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self.input_size[0]

    @property
    def resized(self) -> tuple[int, int]:
        """(height, width) of the image before the centre crop, as timm's ``transforms_imagenet_eval`` reckons them."""
        height, width = self.input_size[1:]
        return math.floor(height / self.crop_pct), math.floor(width / self.crop_pct)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input: (1, channels, height, width)."""
        return (1, *self.input_size)

    def described(self) -> dict[str, Any]:
        """For ``preprocessing.json``: each step with its numbers."""
        height, width = self.resized
        fits = {"center": "shorter side", "squash": "both sides", "border": "longer side"}[self.crop_mode]
        return {
            "resize": {"fits": fits, "height": height, "width": width, "interpolation": self.interpolation},
            "crop": {"height": self.input_size[1], "width": self.input_size[2], "place": "center"},
            "channels": _ORDER[self.channels],
            "scale": 1 / 255,
            "mean": list(self.mean),
            "std": list(self.std),
            "input": {"shape": list(self.shape), "type": "float32", "layout": "NCHW"},
        }


@dataclass(frozen=True)
class KitFile:
    """One of a run's compressed files.

    Attributes:
        path: Where it is now.
        description: What it says of itself.
    """

    path: Path
    info: Format
    variant: Variant
    description: dict[str, Any]

    @property
    def engine(self) -> str:
        """The engine that its quantized operators want; empty where it wants none."""
        engine = str(self.description.get("engine", ""))
        known = {key for keys in self.info.engines.values() for key in keys} - {"auto", "none"}
        return engine if engine in known else ""


@dataclass(frozen=True)
class AppKit:
    """What a kit is made from.

    Attributes:
        files: One for each format of the run.
        labels: Names of the classes in the model's order; empty where the run knew none.
    """

    directory: Path
    record: RunRecord
    files: tuple[KitFile, ...]
    recipe: InputRecipe
    labels: tuple[str, ...]

    @property
    def is_for_android(self) -> bool:
        """Whether phones can run the files."""
        return all(file.description.get("target") == "android" for file in self.files)


def read(directory: Path) -> AppKit:
    """What the run in ``directory`` offers.

    Raises:
        ProjectError: It is no run, or has no compressed file.
        ConfigError: Its input is no image.
        FileFormatError: A file is damaged.
    """
    record = results.load(directory)
    files = tuple(_file(directory, variant) for variant in record.in_order if variant.artifact.is_result)
    if not files:
        raise ProjectError(
            f"The run {directory.name} has no compressed file yet.", action="Complete it with: pqv run PROJECT.pqv."
        )
    description = files[0].description
    classes = description.get("classes")
    named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    return AppKit(
        directory=directory,
        record=record,
        files=files,
        recipe=_recipe(description, files[0].path.name),
        labels=tuple(line(name, _NAME_LETTERS) for name in classes) if named and isinstance(classes, list) else (),
    )


def _file(directory: Path, variant: Variant) -> KitFile:
    path = directory / variant.file
    if Path(variant.file).name != variant.file or not path.is_file():
        raise ProjectError(
            f"The file {line(variant.file)} of the run {directory.name} is gone.",
            action="Run the project again: only what is missing is repeated.",
        )
    info, facts = formats.read(path)
    return KitFile(path, info, variant, facts.description)


def _recipe(description: dict[str, Any], name: str) -> InputRecipe:
    try:
        recipe = InputRecipe.model_validate(description.get("preprocessing"))
    except ValidationError as error:
        raise ProjectError(
            f"{name} does not say how its input is made.",
            action="Export it again with this version.",
            details=str(error),
        ) from error
    if recipe.channels not in _ORDER or not recipe.channels == len(recipe.mean) == len(recipe.std):
        raise ConfigError(
            f"Images have 1, 3 or 4 channels, but {name} expects {recipe.channels}.",
            action="An app kit is for models of images; load the file with the runtime directly.",
        )
    return recipe
