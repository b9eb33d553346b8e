"""Whether a device answers as this computer does with the same file.

Other processors round otherwise, so what is judged is what a run judges of its files: the relative error of the logits,
by the tolerance for the file's scheme.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from pqv_core.config import RunConfig
from pqv_core.config.export import ExportConfig
from pqv_core.errors import ConfigError, ProjectError
from pqv_core.formats import FileFacts
from pqv_core.results import record
from pqv_core.results.record import Parity
from pqv_core.schemes import SCHEMES


def remark(file: Path, facts: FileFacts, found: Parity) -> str:
    """A sentence where a device's answers differ by more than the tolerance; empty for a file of no known scheme."""
    scheme = facts.description.get("precision")
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        return ""
    tolerance = _settings(file.parent).tolerance(scheme)
    if found.relative <= tolerance:
        return ""
    return (
        f"{file.name} differs from this computer’s outputs by {found.relative:.3g} (relative error of the logits), "
        f"more than the tolerance of {tolerance:g}. Check its accuracy, or choose another engine."
    )


def _settings(folder: Path) -> ExportConfig:
    """Those of the run in whose folder a file lies; of a new project elsewhere."""
    if (folder / record.RUN_FILE).is_file():
        with contextlib.suppress(ProjectError, ConfigError):  # of another version
            return RunConfig.parse(record.as_written(folder).config).export
    return ExportConfig()
