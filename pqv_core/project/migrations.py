"""Project files of older versions, brought up to date by pure steps from dict to dict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pqv_core.errors import ProjectError
from pqv_core.files.migrating import Step, advance

STEPS: Mapping[int, Step] = {}
"""By the version that a step starts from; it returns the same project in the next version's form."""


def migrate(plain: dict[str, Any], *, to: int, path: Path, steps: Mapping[int, Step] = STEPS) -> dict[str, Any]:
    """Bring a project's plain data to version ``to``.

    Raises:
        ProjectError: The version is missing, unknown or newer than ``to``, or no step leads on from it.
    """
    version = plain.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ProjectError(f"{path.name} does not state its version.", action="Choose a .pqv file made by PQV-Mobile.")
    if version > to:
        raise ProjectError(
            f"{path.name} was written by a newer PQV-Mobile (format {version}; this one reads up to {to}).",
            action="Update PQV-Mobile to open it.",
        )
    missing = [start for start in range(version, to) if start not in steps]
    if missing:
        raise ProjectError(
            f"{path.name} has the old format {version}, which this PQV-Mobile can no longer migrate.",
            action="Open and save it with an earlier PQV-Mobile first.",
            details=f"there is no step from format {missing[0]} to {missing[0] + 1}",
        )
    return advance(plain, to=to, steps=steps)
