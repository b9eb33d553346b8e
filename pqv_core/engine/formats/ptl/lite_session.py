"""PyTorch Lite files: loading one, running it, and timing its operators. Brings no more than torch."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import torch
from torch.jit.mobile import _load_for_lite_interpreter

from pqv_core.engine.formats.inference_session import InferenceProfile
from pqv_core.engine.formats.operator_profile import ProfiledRun, Rows, operator_times
from pqv_core.engine.quantize.engines import using_engine
from pqv_core.errors import BenchmarkError, ExportError
from pqv_core.formats import model_errors
from pqv_core.formats.base import NO_ENGINE
from pqv_core.formats.ptl import INFO

_PROFILE_WARMUP, _PROFILE_RUNS = 2, 7
_FAILURES = (RuntimeError, torch.jit.Error, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""What leaves the Lite Interpreter: torch's own errors, those that a model raises, and their Python translations."""


class LiteSession:
    """A loaded file. What goes wrong inside it is told with its name."""

    def __init__(self, script: Any, name: str) -> None:
        self._script = script
        self._name = name

    def run(self, image: torch.Tensor) -> Any:
        """As ``InferenceSession.run``."""
        try:
            return self._script(image)
        except _FAILURES as error:
            text = f"{type(error).__name__}" if isinstance(error, MemoryError) else str(error)
            own = isinstance(error, torch.jit.Error)
            info = model_errors.explained(self._name, text, own=own, shape=tuple(image.shape))
            raise BenchmarkError(info.message, action=info.action, details=info.details) from error

    def profile(self, image: torch.Tensor) -> InferenceProfile:
        """Time of each operator in one inference, without that of the operators it calls, by torch's profiler.

        An inference with the profiler follows one without it, so that both find the machine in the same state; before
        each goes one that is not counted, because starting and stopping the profiler empties the caches.
        """
        for _ in range(_PROFILE_WARMUP):
            self.run(image)
        runs = []
        for _ in range(_PROFILE_RUNS):
            _, plain = self._timed(image), self._timed(image)
            with torch.autograd.profiler.profile() as profiler:
                _, profiled = self._timed(image), self._timed(image)
            runs.append(ProfiledRun(plain, profiled, rows_of(profiler, inferences=2)))
        return InferenceProfile(operator_times(runs), tuple(run.plain for run in runs))

    def _timed(self, image: torch.Tensor) -> int:
        """Nanoseconds of one inference."""
        began = time.perf_counter_ns()
        self.run(image)
        return time.perf_counter_ns() - began


def rows_of(profiler: torch.autograd.profiler.profile, *, inferences: int) -> Rows:
    """Calls and nanoseconds of each operator in one of the ``inferences`` that the profiler saw."""
    return {
        row.key: (row.count / inferences, row.self_cpu_time_total * 1000 / inferences)
        for row in profiler.key_averages()
    }


def open_file(path: Path, *, engine: str = "", threads: int | None = None) -> LiteSession:
    """Load a ``.ptl`` with its weights packed for ``engine`` (empty or ``none``: the current one).

    Args:
        threads: Of the runtime, in this process; None leaves them as they are.

    Raises:
        FileFormatError: The file is cut, not a PyTorch Lite file, or takes something else than one image.
        ExportError: This computer's runtime cannot load it.
        StorageError: The file cannot be read.
    """
    found = INFO.read(path)  # native code gets whole files only
    INFO.check_input(found, path.name)
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with contextlib.nullcontext() if engine in ("", NO_ENGINE) else using_engine(engine):
            return LiteSession(_load_for_lite_interpreter(str(path)), path.name)
    except _FAILURES as error:
        unknown = [name for name in found.operators if not _is_known(name)]
        lacks = f": this PyTorch has no {', '.join(unknown)}" if unknown else ""
        raise ExportError(
            f"{path.name} cannot be loaded by the Lite Interpreter{lacks}.",
            action="Export the model again, with the PyTorch of this computer.",
            details=str(error),
        ) from error


def _is_known(operator: str) -> bool:
    """Whether this PyTorch has an operator, given as ``name.overload``."""
    return bool(torch._C._jit_get_schemas_for_operator(operator.partition(".")[0]))
