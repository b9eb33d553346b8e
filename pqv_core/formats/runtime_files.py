"""The runtimes of the formats for devices, as data: ``resources/runtimes/FORMAT/VERSION.json``."""

from __future__ import annotations

import json
from typing import TypeVar

from pqv_core.errors import StorageError, UsageError
from pqv_core.files.resource_files import resource
from pqv_core.formats.base import Runtime

_Known = TypeVar("_Known", bound=Runtime)


def versions(format: str) -> list[str]:
    """Versions of a format's runtime that are known, oldest first."""
    found = [path.stem for path in resource("runtimes").joinpath(format).glob("*.json")]
    return sorted(found, key=lambda name: [int(part) if part.isdecimal() else 0 for part in name.split(".")])


def load(format: str, version: str, kind: type[_Known]) -> _Known:
    """Facts of a version.

    Args:
        kind: What the format's runtimes are described by.

    Raises:
        UsageError: It is not known.
        StorageError: Its description is damaged.
    """
    known = versions(format)
    if version not in known:
        action = f"Choose one of: {', '.join(known)}." if known else "Reinstall PQV-Mobile: none is described."
        raise UsageError(f"Unknown Android runtime: {version}.", action=action)
    try:
        return kind.model_validate(
            json.loads(resource("runtimes", format, f"{version}.json").read_text(encoding="utf-8"))
        )
    except ValueError as error:  # pydantic's is one too
        raise StorageError(
            f"The data file of Android runtime {version} is damaged.",
            action="Reinstall PQV-Mobile.",
            details=str(error),
        ) from error
