"""The PyTorch runtimes for Android as data (``resources/runtimes/ptl/``), and what a file must be to run in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pqv_core.formats import runtime_files
from pqv_core.formats.base import Problem, Runtime
from pqv_core.formats.ptl.ptl_file import LiteFile

FORMAT = "ptl"
DEFAULT = "1.12.2"

_EXPORT = "Export for the Android target."
_SHOWN = 6


class LiteRuntime(Runtime):
    """One version of the runtime, as ``resources/runtimes/ptl/VERSION.json`` describes it.

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
    return runtime_files.versions(FORMAT)


def load(version: str = DEFAULT) -> LiteRuntime:
    """Facts of a version.

    Raises:
        UsageError: It is not known.
        StorageError: Its description is damaged.
    """
    return runtime_files.load(FORMAT, version, LiteRuntime)


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
