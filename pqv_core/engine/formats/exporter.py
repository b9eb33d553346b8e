"""What writes a format's files in the worker: each format's ``exporter`` is a class of this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.config.export import format_problem
from pqv_core.engine.quantize import quantize_as
from pqv_core.engine.quantize.request import Request
from pqv_core.errors import ExportError
from pqv_core.formats import FORMATS
from pqv_core.formats.base import NO_ENGINE
from pqv_core.results.artifacts import ArtifactSpec


@dataclass(frozen=True)
class Way:
    """How a file is made and run: passes over the model, and the engine of its kernels."""

    passes: str
    engine: str = NO_ENGINE


class Exporter(ABC):
    """Writes the files of one run in one format.

    Args:
        config: Of the run.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config

    @abstractmethod
    def prepare(self, model: nn.Module, spec: ArtifactSpec) -> nn.Module:
        """A copy of a model that uses only what is known where the file will run."""

    def quantize(self, model: nn.Module, spec: ArtifactSpec, batches: Sequence[Tensor]) -> nn.Module:
        """A prepared model in the scheme of an artefact; in torch's own kernels, unless a format has others.

        Args:
            model: May be changed in place.
            batches: Images for schemes that learn ranges, each (N, C, H, W).

        Raises:
            QuantizeError: A layer to keep is not in the model, or this computer cannot write such a file.
        """
        return quantize_as(model, spec.scheme, Request.of(self.config.quantize, batches))

    @abstractmethod
    def ways(self, model: nn.Module, spec: ArtifactSpec) -> tuple[Way, ...]:
        """The ways worth trying for an artefact, at least one; of several, measuring chooses.

        Args:
            model: As it will be written: prepared, and quantized.

        Raises:
            ConfigError: The engine does not run on the target.
            QuantizeError: This computer lacks it, so that nothing could be checked.
        """

    @abstractmethod
    def write(self, model: nn.Module, path: Path, *, passes: str, example: Tensor, description: dict[str, Any]) -> None:
        """Write a model, whole or not at all.

        Args:
            passes: Of one of the ``ways``.
            example: Input of shape (1, C, H, W).
            description: JSON that travels inside the file.

        Raises:
            ExportError: The model cannot be written in this format.
            StorageError: The file cannot be written.
        """

    @property
    def runtime(self) -> str | None:
        """The version of the runtime for which files are written; None where this computer runs them."""
        return None if self.config.export.target == "host" else FORMATS[self.key].default_runtime

    def check(self, path: Path) -> None:
        """Refuse a file that the target cannot run.

        Raises:
            ExportError: Names everything that stands in the way.
        """
        if self.runtime is None:
            return
        info = FORMATS[self.key]
        found = list(info.problems(info.read(path), info.runtime(self.runtime)))
        if found:
            raise ExportError(
                " ".join(problem for problem, _ in found),
                action="Choose another model, or this computer as the target.",
            )

    @property
    @abstractmethod
    def key(self) -> str:
        """Of the format."""


def exporter(format: str, config: RunConfig) -> Exporter:
    """What writes the files of a run in a format.

    Raises:
        ConfigError: Its files do not run on the target, or cannot be written here, or not in the precision.
        PluginError: The format's package cannot be loaded.
    """
    if problem := format_problem(format, config.export.target, precision=config.quantize.precision):
        raise problem
    implementation = FORMATS.load(format, "exporter")
    with FORMATS.blaming(format, "cannot be loaded"):
        made = implementation(config)
        if not isinstance(made, Exporter):
            raise TypeError(f"{made!r} is no Exporter")
    return made
