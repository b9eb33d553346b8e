"""The benchmark programs, one for each runtime and ABI: those built here, and those that came with PQV-Mobile.

A program is named by its folder in ``android_runner/src``, such as ``lite``, and its ABI.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from deploy import APP
from deploy.errors import RunnerError
from deploy.measure.runner import PROGRAM
from pqv_core.errors import StorageError
from pqv_core.files.fsio import read_json, sha256_file
from pqv_core.files.resource_files import resource

PROVENANCE = "provenance.json"
ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64", "x86")


@dataclass(frozen=True)
class Origin:
    """Where a program comes from.

    Attributes:
        here: Built on this computer; such a one comes before the one that came with PQV-Mobile.
        facts: Its provenance: ``sha256``, ``compiler`` and more; empty where nothing is known.
    """

    path: Path
    here: bool
    facts: dict[str, Any]

    @property
    def sentence(self) -> str:
        """For a person."""
        compiler = self.facts.get("compiler") or "an unknown compiler"
        if self.here:
            return f"built here on {str(self.facts.get('built', '?'))[:10]} with {compiler}"
        return f"bundled with PQV-Mobile, built with {compiler}"


def built() -> Path:
    """Where ``pqv runner build`` puts programs."""
    return platformdirs.user_data_path(APP, appauthor=False) / "runner"


def find(name: str, abi: str) -> Path | None:
    """A program, or None."""
    own = built() / name / abi / PROGRAM
    if own.is_file():
        return own
    try:
        return resource("runner", name, abi, PROGRAM)
    except StorageError:
        return None


def abis(name: str) -> tuple[str, ...]:
    """ABIs for which there is a program."""
    return tuple(abi for abi in ABIS if find(name, abi))


def origin(name: str, abi: str) -> Origin | None:
    """A program and where it comes from, or None."""
    path = find(name, abi)
    if path is None:
        return None
    if path.is_relative_to(built()):
        return Origin(path, True, _read(path.with_name(PROVENANCE)))
    return Origin(path, False, _row(provenance(name), abi))


def verified(name: str, abi: str) -> Path:
    """A program, compared with its provenance.

    Raises:
        RunnerError: There is none, or it has been changed.
    """
    found = origin(name, abi)
    if found is None:
        raise RunnerError(f"No benchmark program for {abi}.", action="Build one with: pqv runner build.")
    expected = str(found.facts.get("sha256", ""))
    if expected != sha256_file(found.path):
        again = f"Build it again with pqv runner build --abi {abi}, or delete {found.path.parent}."
        raise RunnerError(
            f"The benchmark program for {abi} is not the one that was {'built' if found.here else 'published'}.",
            action=again if found.here else "Reinstall PQV-Mobile.",
            details=f"{found.path}: expected sha256 {expected or 'unknown'}",
        )
    return found.path


def provenance(name: str) -> dict[str, Any]:
    """Sources, compiler and hashes of the programs that came; empty where none came with this installation."""
    try:
        return _read(resource("runner", name, PROVENANCE))
    except StorageError:
        return {}


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _row(facts: dict[str, Any], abi: str) -> dict[str, Any]:
    rows = facts.get("binaries", {})
    row = rows.get(abi, {}) if isinstance(rows, dict) else {}
    return row if isinstance(row, dict) else {}
