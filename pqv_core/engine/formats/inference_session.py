"""A file that is loaded and can be run: what each format's ``implementation`` gives to whoever measures it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from torch import Tensor

from pqv_core.errors import ExportError
from pqv_core.formats import FORMATS
from pqv_core.results.record import OperatorTime


class InferenceProfile(NamedTuple):
    """What each operator takes of an inference, and inferences without a profiler, in nanoseconds."""

    operators: tuple[OperatorTime, ...]
    samples_ns: tuple[int, ...]


class InferenceSession(Protocol):
    """One loaded file.

    Raises:
        BenchmarkError: Of both: it cannot be run with this input.
    """

    def run(self, image: Tensor) -> Tensor:
        """The answer (N, classes) to images (N, C, H, W). Of a foreign file it may be something else."""

    def profile(self, image: Tensor) -> InferenceProfile:
        """The time of each operator in an inference that nobody watches, the longest first."""


def open_file(format: str, path: Path, *, engine: str, threads: int) -> InferenceSession:
    """Load a file of a format. What loads it brings no more than its runtime.

    Args:
        engine: What the weights are packed for; empty or ``none`` for the runtime's own choice.
        threads: Threads of the runtime, in this process.

    Raises:
        FileFormatError: It is cut, not of this format, or takes something else than one image.
        ExportError: This computer has no runtime for it, or one that cannot load it.
        PluginError: The format's package cannot be loaded.
        StorageError: The file cannot be read.
    """
    if missing := FORMATS[format].missing():
        raise ExportError(missing[0], action=missing[1])
    session: InferenceSession = FORMATS.load(format)(path, engine=engine, threads=threads)
    return session
