"""The benchmark programs that came with PQV-Mobile, one an ABI, and where each comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs

from deploy.errors import RunnerError
from deploy.keys import APP
from deploy.runner import PROGRAM
from pqv_core.errors import StorageError
from pqv_core.fsio import sha256_file
from pqv_core.resource_files import resource

PROVENANCE = "provenance.json"


def built() -> Path:
    """Where ``pqv runner build`` puts programs; they come before those of the installation."""
    return platformdirs.user_data_path(APP, appauthor=False) / "runner"


def find(abi: str) -> Path | None:
    """The program for an ABI, or None."""
    own = built() / abi / PROGRAM
    if own.is_file():
        return own
    try:
        return resource("runner", abi, PROGRAM)
    except StorageError:
        return None


def abis() -> tuple[str, ...]:
    """ABIs for which there is a program."""
    return tuple(abi for abi in ("arm64-v8a", "armeabi-v7a", "x86_64", "x86") if find(abi))


def verified(abi: str) -> Path:
    """The program for an ABI, compared with its provenance where it came with the installation.

    Raises:
        RunnerError: There is none, or it has been changed.
    """
    path = find(abi)
    if path is None:
        raise RunnerError(f"There is no benchmark program for {abi}.", action="Build one with: pqv runner build.")
    if not path.is_relative_to(built()):
        expected = _expected(provenance(), abi)
        if expected and expected != sha256_file(path):
            raise RunnerError(
                f"The benchmark program for {abi} is not the one that was published.",
                action="Install PQV-Mobile again.",
                details=f"expected sha256 {expected}",
            )
    return path


def provenance() -> dict[str, Any]:
    """Sources, compiler and hashes of the programs; empty when none came with this installation."""
    try:
        value = json.loads(resource("runner", PROVENANCE).read_text(encoding="utf-8"))
    except (StorageError, OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _expected(facts: dict[str, Any], abi: str) -> str:
    rows = facts.get("binaries", facts.get("abis", {}))
    row = rows.get(abi, {}) if isinstance(rows, dict) else {}
    return str(row.get("sha256", "")) if isinstance(row, dict) else ""
