"""PyTorch Lite files (``.ptl``): loading one.

Whoever measures a file needs this room alone, so it brings no more than torch (``engine/lite_writer.py`` writes files).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.jit.mobile import _load_for_lite_interpreter

from pqv_core import ptl
from pqv_core.engine.engines import using_engine
from pqv_core.errors import ExportError

_NO_ENGINE = "none"


def load(path: Path, *, engine: str) -> torch.nn.Module:
    """Load a ``.ptl`` with its weights packed for ``engine`` (empty or ``none``: the current one).

    Raises:
        PtlError: The file is cut, or not a PyTorch Lite file.
        ExportError: This computer's runtime cannot load it.
        StorageError: The file cannot be read.
    """
    file = ptl.read(path)  # native code gets whole files only
    try:
        if engine in ("", _NO_ENGINE):
            return _load_for_lite_interpreter(str(path))
        with using_engine(engine):
            return _load_for_lite_interpreter(str(path))
    except RuntimeError as error:
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
