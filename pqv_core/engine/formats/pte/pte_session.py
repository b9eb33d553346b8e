"""ExecuTorch files: loading one and running it. Brings torch and ExecuTorch's runtime, not what writes files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from pqv_core.engine.formats.inference_session import InferenceProfile
from pqv_core.engine.formats.operator_profile import ProfiledRun, operator_times
from pqv_core.engine.formats.pte import xnnpack_profile
from pqv_core.errors import BenchmarkError, ExportError
from pqv_core.formats.pte import INFO

_PROFILE_WARMUP, _PROFILE_RUNS = 2, 7
_FORWARD = "forward"
_FAILURES = (RuntimeError, ValueError, TypeError, MemoryError)
"""What leaves ExecuTorch's bindings."""


class PteSession:
    """A loaded file, on XNNPACK. It takes images one by one, as a phone does."""

    def __init__(self, path: Path, runtime: Any) -> None:
        self._path, self._runtime = path, runtime
        self._method, self._program = _method(path, runtime)

    def run(self, image: torch.Tensor) -> Any:
        """As ``InferenceSession.run``; the batch is taken apart where the file has room for one image."""
        if len(image) == 1:
            return self._answer(self._method, image)
        answers = [self._answer(self._method, one) for one in image.split(1)]
        return torch.cat(answers) if all(isinstance(answer, torch.Tensor) for answer in answers) else answers

    def _answer(self, method: Any, image: torch.Tensor) -> Any:
        try:
            found = method([image.contiguous()])
        except _FAILURES as error:
            shape = " × ".join(map(str, image.shape))
            wanted = " × ".join(map(str, method.method_meta().input_tensor_meta(0).sizes()))
            raise BenchmarkError(
                f"{self._path.name} cannot answer an image of {shape}.",
                action="" if wanted == shape else f"It takes {wanted}; choose that input size.",
                details=str(error),
            ) from error
        return found[0] if len(found) == 1 else found

    def profile(self, image: torch.Tensor) -> InferenceProfile:
        """Time of each operator in one inference: those of XNNPACK by name, where it can be asked (on Linux).

        An inference of a copy that takes its times follows one of the plain file, so that both find the machine in
        the same state.
        """
        with xnnpack_profile.watching(self._runtime) as watch:
            watched, program = _method(self._path, self._runtime)
        del program
        for method in (self._method, watched) * _PROFILE_WARMUP:
            self._answer(method, image)
        runs = []
        for _ in range(_PROFILE_RUNS):
            plain, profiled = self._timed(self._method, image), self._timed(watched, image)
            runs.append(ProfiledRun(plain, profiled, watch.rows()))
        return InferenceProfile(operator_times(runs), tuple(run.plain for run in runs))

    def _timed(self, method: Any, image: torch.Tensor) -> int:
        """Nanoseconds of one inference."""
        began = time.perf_counter_ns()
        self._answer(method, image)
        return time.perf_counter_ns() - began


def load(path: Path, *, engine: str = "", threads: int | None = None) -> PteSession:
    """Load a ``.pte``.

    Args:
        engine: Of no meaning: XNNPACK runs what was delegated to it.
        threads: Of XNNPACK, in this process; None leaves them as they are.

    Raises:
        FileFormatError: The file is cut, not an ExecuTorch file, or takes something else than one image.
        ExportError: ExecuTorch is not installed, or cannot load it.
        StorageError: The file cannot be read.
    """
    found = INFO.read(path)  # native code gets whole files only
    INFO.check_input(found, path.name)
    runtime = _runtime()
    if threads is not None:
        torch.set_num_threads(threads)
        if runtime._threadpool_get_thread_count() != threads:
            runtime._unsafe_reset_threadpool(threads)
    try:
        return PteSession(path, runtime)
    except _FAILURES as error:
        known = {*runtime._get_registered_backend_names(), *runtime._get_operator_names()}
        unknown = sorted({*found.delegates, *found.calls} - known)
        lacks = f": this computer's ExecuTorch has no {', '.join(unknown)}" if unknown else ""
        raise ExportError(
            f"{path.name} cannot be loaded by ExecuTorch{lacks}.",
            action="Export the model again, for XNNPACK.",
            details=str(error),
        ) from error


def _runtime() -> Any:
    """ExecuTorch's bindings, which are imported here because most runs have no use for them.

    ``executorch.runtime`` gives the same, but imports on its way everything that writes files: 12 s of a processor.

    Raises:
        ExportError: It is not installed.
    """
    if (problem := INFO.missing()) is not None:
        raise ExportError(problem[0], action=problem[1])
    from executorch.extension.pybindings import _portable_lib

    return _portable_lib


def _method(path: Path, runtime: Any) -> tuple[Any, Any]:
    """The method that answers images, and the program that must live as long."""
    checked = runtime.Verification.InternalConsistency
    program = runtime._load_program(str(path), enable_etdump=False, debug_buffer_size=0, program_verification=checked)
    return program.load_method(_FORWARD), program
