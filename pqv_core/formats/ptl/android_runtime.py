"""The PyTorch runtimes for Android as data (``resources/runtimes/``), and what a file must be to run in one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from pqv_core.errors import StorageError, UsageError
from pqv_core.files.resource_files import resource
from pqv_core.formats.base import Problem, Runtime
from pqv_core.formats.ptl.ptl_file import LiteFile

DEFAULT = "1.12.2"

_EXPORT = "Export for the Android target."
_SHOWN = 6


class LiteRuntime(Runtime):
    """One version of the runtime, as ``resources/runtimes/VERSION.json`` describes it.

    Attributes:
        engines: Quantized engines that it was built with.
        operators: Number of arguments that each operator takes; None for any number.
    """

    engines: tuple[str, ...] = ()
    bytecode_min: int
    bytecode_max: int
    operators: dict[str, int | None]

    @property
    def facts(self) -> dict[str, str]:
        """Which files it reads."""
        return {"Bytecode": f"{self.bytecode_min} to {self.bytecode_max}", "Operators": str(len(self.operators))}


def versions() -> list[str]:
    """Versions that are known, oldest first."""
    found = [path.stem for path in resource("runtimes").glob("*.json")]
    return sorted(found, key=lambda name: [int(part) if part.isdecimal() else 0 for part in name.split(".")])


def load(version: str = DEFAULT) -> LiteRuntime:
    """Facts of a version.

    Raises:
        UsageError: It is not known.
        StorageError: Its description is damaged.
    """
    if version not in versions():
        known = ", ".join(versions())
        raise UsageError(f"Unknown Android runtime: {version}.", action=f"Choose one of: {known}.")
    try:
        return LiteRuntime.model_validate(
            json.loads(resource("runtimes", f"{version}.json").read_text(encoding="utf-8"))
        )
    except (ValueError, ValidationError) as error:
        raise StorageError(
            f"The data file of Android runtime {version} is damaged.",
            action="Reinstall PQV-Mobile.",
            details=str(error),
        ) from error


def problems(file: LiteFile, runtime: LiteRuntime) -> Iterator[Problem]:
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
