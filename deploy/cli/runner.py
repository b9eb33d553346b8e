"""``pqv runner info | fetch | build``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.errors import RuntimeLibraryError
from deploy.job import Job
from deploy.kit import build as runner_build
from deploy.kit import programs, runtimes
from pqv_core import formats, formatting
from pqv_core.cli import app as cli_app
from pqv_core.cli import progress_view as cli_progress
from pqv_core.errors import UsageError
from pqv_core.formats import FORMATS, Format
from pqv_core.formats.base import Runtime


@dataclass(frozen=True)
class _Known:
    """A runtime that is described, with the format that it runs."""

    format: Format
    runtime: Runtime

    @property
    def programs(self) -> list[tuple[str, programs.Origin]]:
        """The benchmark programs that run with it, by ABI."""
        found = ((abi, programs.origin(self.runtime.program, abi)) for abi in programs.ABIS)
        return [(abi, one) for abi, one in found if one is not None]


def _known() -> list[_Known]:
    return [_Known(info, info.runtime(version)) for info in FORMATS.values() for version in info.runtimes()]


def info(*, as_json: bool) -> int:
    """Print what is there; returns the exit code."""
    known = _known()
    if as_json:
        print(json.dumps({"type": "runner", "programs": _program_rows(known), "runtimes": _runtime_rows(known)}))
        return cli_app.DONE
    more = dict.fromkeys(name for item in known for name in item.runtime.facts)
    table = Table(box=None)
    for head in ("Format", "Runtime", "Processors", *more, "Size", "Fetched"):
        table.add_column(head, overflow="fold")
    for item in known:
        one = item.runtime
        told = [one.facts.get(name, "") for name in more]
        size, there = formatting.size(one.size_bytes), "yes" if runtimes.is_fetched(one) else "no"
        table.add_row(item.format.suffix, one.version, ", ".join(one.abis), *told, size, there)
    console = Console(highlight=False)
    console.print(table)
    for item in known:
        for abi, program in item.programs:
            console.print(
                f"Program for {item.format.suffix} on {abi}: {program.path} ({program.sentence})",
                markup=False,
                soft_wrap=True,
            )
    return cli_app.DONE


def _program_rows(known: Sequence[_Known]) -> list[dict[str, Any]]:
    return [
        {"format": item.format.key, "abi": abi, "path": str(one.path), "built_here": one.here, **one.facts}
        for item in known
        for abi, one in item.programs
    ]


def _runtime_rows(known: Sequence[_Known]) -> list[dict[str, Any]]:
    return [
        {
            "format": item.format.key,
            "version": item.runtime.version,
            "abis": item.runtime.abis,
            "fetched": runtimes.is_fetched(item.runtime),
        }
        for item in known
    ]


def fetch(keys: Sequence[str], version: str, given: Sequence[Path]) -> int:
    """Fetch and unpack runtimes for all processors; returns the exit code.

    Args:
        keys: Of the formats that they run; none for all that run on phones, or that have this version.

    Raises:
        RuntimeLibraryError: Some archives cannot be had; all of them are named.
    """
    missing: list[RuntimeLibraryError] = []
    having = [key for key, info in FORMATS.items() if version in info.runtimes()]
    for info in _formats(keys or having):
        runtime = formats.chosen_runtime(info, version)
        try:
            _archives(runtime, given, unpacked=True)
            print(f"The Android runtime {runtime.version} for {info.suffix} files is ready.", file=sys.stderr)
        except RuntimeLibraryError as error:
            missing.append(error)
    if missing:
        raise runtimes.together(missing)
    return cli_app.DONE


def _formats(keys: Sequence[str]) -> list[Format]:
    """The formats of these keys; of none, all that have a runtime for phones.

    Raises:
        UsageError: One is unknown, or has no runtime.
    """
    able = {key: info for key, info in FORMATS.items() if info.runtimes()}
    for key in keys:
        if key not in able:
            raise UsageError(f"No runtime for phones runs files of {key!r}.", action=f"Choose {', '.join(able)}.")
    return [able[key] for key in keys or able]


def build(
    abis: Sequence[str],
    *,
    format: str,
    version: str,
    archives: Sequence[Path],
    toolchain: Path | None,
    ndk: Path | None,
    sources: Path | None,
) -> int:
    """Build programs with CMake; returns the exit code. What is missing is said before anything is fetched.

    Args:
        format: Key of the format that they are to run; empty for the first.

    Raises:
        UsageError: CMake, the toolchain or the sources are missing.
        RunnerError: A program does not compile.
    """
    runtime = formats.chosen_runtime(_formats([format] if format else [])[0], version)
    runner_build.find_cmake()
    chain, folder = runner_build.find_toolchain(toolchain, ndk), runner_build.find_sources(sources)
    plan = runner_build.BuildPlan(runtime, _archives(runtime, archives), chain, folder)
    for abi in abis:
        print(f"Building the program for {abi} …", file=sys.stderr)
        target = runner_build.build(abi, plan)
        print(f"The program for {abi} is ready: {target}", file=sys.stderr)
    return cli_app.DONE


def _archives(runtime: Runtime, given: Sequence[Path], *, unpacked: bool = False) -> tuple[Path, ...]:
    """The runtime's archives, with their progress on the screen."""
    from deploy.cli.signals import ending

    with cli_progress.view() as view:
        job = Job(send=view.show)  # type: ignore[arg-type]
        with ending([job]):
            found = runtimes.archives(runtime, job, given=given)
            for abi in runtime.abis if unpacked else ():
                runtimes.libraries(runtime, abi, found)
    return found
