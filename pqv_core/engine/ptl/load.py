"""PyTorch Lite files (``.ptl``): loading one, and running it.

Whoever measures a file needs this room alone, so it brings no more than torch (``engine/ptl/write.py`` writes files).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.jit.mobile import _load_for_lite_interpreter

from pqv_core.engine.ptl.engines import using_engine
from pqv_core.errors import BenchmarkError, ExportError
from pqv_core.ptl import file as ptl
from pqv_core.ptl import model_errors

_NO_ENGINE = "none"
_FAILURES = (RuntimeError, torch.jit.Error, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""What leaves the Lite Interpreter: torch's own errors, those that a model raises, and their Python translations."""


class LiteModel(torch.nn.Module):
    """A loaded file. What goes wrong inside it is told with its name."""

    def __init__(self, script: Any, name: str) -> None:
        super().__init__()
        self._script = script
        self._name = name

    def __call__(self, image: torch.Tensor) -> Any:
        """The file's answer to an image.

        Raises:
            BenchmarkError: It cannot be run with this input.
        """
        try:
            return self._script(image)
        except _FAILURES as error:
            text = f"{type(error).__name__}" if isinstance(error, MemoryError) else str(error)
            own = isinstance(error, torch.jit.Error)
            info = model_errors.explained(self._name, text, own=own, shape=tuple(image.shape))
            raise BenchmarkError(info.message, action=info.action, details=info.details) from error


def load(path: Path, *, engine: str) -> torch.nn.Module:
    """Load a ``.ptl`` with its weights packed for ``engine`` (empty or ``none``: the current one).

    Raises:
        PtlError: The file is cut, not a PyTorch Lite file, or takes something else than one image.
        ExportError: This computer's runtime cannot load it.
        StorageError: The file cannot be read.
    """
    file = ptl.read(path)  # native code gets whole files only
    ptl.check_input(file, path.name)
    try:
        if engine in ("", _NO_ENGINE):
            return LiteModel(_load_for_lite_interpreter(str(path)), path.name)
        with using_engine(engine):
            return LiteModel(_load_for_lite_interpreter(str(path)), path.name)
    except _FAILURES as error:
        unknown = [name for name in file.operators if not _is_known(name)]
        lacks = f": this PyTorch has no {', '.join(unknown)}" if unknown else ""
        raise ExportError(
            f"{path.name} cannot be loaded by the Lite Interpreter{lacks}.",
            action="Export the model again, with the PyTorch of this computer.",
            details=str(error),
        ) from error


def _is_known(operator: str) -> bool:
    """Whether this PyTorch has an operator, given as ``name.overload``."""
    return bool(torch._C._jit_get_schemas_for_operator(operator.partition(".")[0]))
