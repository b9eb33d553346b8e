"""The PyTorch runtimes for Android as data (``resources/runtimes/``), and what a file must be to run in one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pqv_core.errors import StorageError, UsageError
from pqv_core.files.resource_files import resource
from pqv_core.ptl.file import LiteFile

DEFAULT = "1.12.2"
Problem = tuple[str, str]

_EXPORT = "Export for the Android target."
_SHOWN = 6


class Runtime(BaseModel):
    """One version of the runtime, as ``resources/runtimes/VERSION.json`` describes it.

    Attributes:
        coordinates: group:artifact:version in a Maven repository.
        sha256: Of the archive (AAR).
        libraries: Names of the shared objects that the program needs, in ``jni/ABI/`` of the AAR.
        engines: Quantized engines that it was built with.
        page_size: Largest memory page for which the libraries are aligned.
        operators: Number of arguments that each operator takes; None for any number.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    coordinates: str = Field(pattern=r"^[\w.\-]+:[\w.\-]+:[\w.\-]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    abis: tuple[str, ...]
    libraries: tuple[str, ...]
    engines: tuple[str, ...] = ()
    page_size: int = 4096
    bytecode_min: int
    bytecode_max: int
    operators: dict[str, int | None]


def versions() -> list[str]:
    """Versions that are known, oldest first."""
    found = [path.stem for path in resource("runtimes").glob("*.json")]
    return sorted(found, key=lambda name: [int(part) if part.isdecimal() else 0 for part in name.split(".")])


def load(version: str = DEFAULT) -> Runtime:
    """Facts of a version.

    Raises:
        UsageError: It is not known.
        StorageError: Its description is damaged.
    """
    if version not in versions():
        known = ", ".join(versions())
        raise UsageError(f"Unknown Android runtime: {version}.", action=f"Choose one of: {known}.")
    try:
        return Runtime.model_validate(json.loads(resource("runtimes", f"{version}.json").read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise StorageError(
            f"The data file of Android runtime {version} is damaged.",
            action="Reinstall PQV-Mobile.",
            details=str(error),
        ) from error


def problems(file: LiteFile, runtime: Runtime) -> Iterator[Problem]:
    """Every reason why ``runtime`` cannot run ``file``, as (problem, remedy)."""
    if not runtime.bytecode_min <= file.bytecode <= runtime.bytecode_max:
        yield (
            f"The file has bytecode version {file.bytecode}; the Android runtime {runtime.version} reads "
            f"{runtime.bytecode_min} to {runtime.bytecode_max}.",
            _EXPORT,
        )
    missing = sorted(name for name in file.operators if name not in runtime.operators)
    if missing:
        yield f"The Android runtime {runtime.version} lacks {_some(missing)}.", _EXPORT
    longer = []
    for name, given in sorted(file.operators.items()):
        taken = runtime.operators.get(name)
        if taken is not None and given > taken:
            longer.append(f"{name} ({given} arguments, {taken} known)")
    if longer:
        yield f"The Android runtime {runtime.version} supports only older forms of {_some(longer)}.", _EXPORT


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
