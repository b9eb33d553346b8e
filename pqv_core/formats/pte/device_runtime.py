"""ExecuTorch's runtimes for devices as data (``resources/runtimes/pte/``), and what a file must be to run in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pqv_core.formats import runtime_files
from pqv_core.formats.base import Problem, Runtime
from pqv_core.formats.pte.pte_file import ExecuTorchFile

FORMAT = "pte"
DEFAULT = "0.9.3"

_EXPORT = "Export it for XNNPACK, with PQV-Mobile or with ExecuTorch."
_INPUT = "PQV-Mobile measures models with one image input; export that part of the model."
_SHOWN = 6


class ExecuTorchRuntime(Runtime):
    """One version of the runtime, as ``resources/runtimes/pte/VERSION.json`` describes it.

    Attributes:
        operators: Those that it has outside of delegates, by ``name.overload``; the values are of no meaning here.
        delegates: The kinds of delegates that it has.
    """

    operators: dict[str, int | None]
    delegates: tuple[str, ...] = ("XnnpackBackend",)

    @property
    def facts(self) -> dict[str, str]:
        """What it can do."""
        delegates = ", ".join(name.removesuffix("Backend") for name in self.delegates)
        return {"Operators": str(len(self.operators)), "Delegates": delegates}


def versions() -> list[str]:
    """Versions that are known, oldest first."""
    return runtime_files.versions(FORMAT)


def load(version: str = DEFAULT) -> ExecuTorchRuntime:
    """Facts of a version.

    Raises:
        UsageError: It is not known.
        StorageError: Its description is damaged.
    """
    return runtime_files.load(FORMAT, version, ExecuTorchRuntime)


def problems(file: ExecuTorchFile, runtime: ExecuTorchRuntime) -> Iterator[Problem]:
    """Every reason why ``runtime`` cannot run ``file``, as (problem, remedy)."""
    if file.input_problem:
        yield f"The file {file.input_problem}.", _INPUT
    if file.external:
        yield (
            f"The file keeps the values of {file.external:,} tensors in another file.",
            "Export it with its weights inside.",
        )
    if unknown := [name for name in file.delegates if name not in runtime.delegates]:
        yield f"The Android runtime {runtime.version} lacks the delegate {_some(unknown)}.", _EXPORT
    if missing := sorted(name for name in file.operators if name not in runtime.operators):
        yield f"The Android runtime {runtime.version} lacks {_some(missing)}.", _EXPORT


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
