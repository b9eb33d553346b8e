"""``pqv runner info | fetch | build``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.job import Job
from deploy.kit import build as runner_build
from deploy.kit import programs as runners
from deploy.kit import runtimes
from pqv_core import formats, formatting
from pqv_core.cli import app as cli_app
from pqv_core.cli import progress_view as cli_progress
from pqv_core.formats import FORMATS
from pqv_core.formats.base import Runtime


def info(*, as_json: bool) -> int:
    """Print what is there; returns the exit code."""
    programs = [(abi, found) for abi in runners.ABIS if (found := runners.origin(abi))]
    known = [info.runtime(version) for info in FORMATS.values() for version in info.runtimes()]
    kept = {item.version: (runtimes.cache() / f"{item.sha256}.aar").exists() for item in known}
    if as_json:
        facts = [{"version": item.version, "abis": item.abis, "fetched": kept[item.version]} for item in known]
        rows = {abi: {"path": str(one.path), "built_here": one.here, **one.facts} for abi, one in programs}
        print(json.dumps({"type": "runner", "programs": rows, "runtimes": facts}))
        return cli_app.DONE
    more = dict.fromkeys(name for item in known for name in item.facts)
    table = Table("Runtime", "Processors", *more, "Size", "Fetched", box=None)
    for item in known:
        size, there = formatting.size(item.size_bytes), "yes" if kept[item.version] else "no"
        told = [item.facts.get(name, "") for name in more]
        table.add_row(item.version, ", ".join(item.abis), *told, size, there)
    console = Console(highlight=False)
    console.print(table)
    for abi, one in programs:
        console.print(f"Program for {abi}: {one.path} ({one.sentence})", markup=False, soft_wrap=True)
    return cli_app.DONE


def fetch(version: str, given: Path | None) -> int:
    """Fetch and unpack a runtime for all processors; returns the exit code."""
    runtime = _runtime(version)
    archive = _archive(runtime, given, unpacked=True)
    print(f"The Android runtime {runtime.version} is ready: {archive}", file=sys.stderr)
    return cli_app.DONE


def build(
    abis: Sequence[str],
    *,
    version: str,
    aar: Path | None,
    toolchain: Path | None,
    ndk: Path | None,
    sources: Path | None,
) -> int:
    """Build programs with CMake; returns the exit code. What is missing is said before anything is fetched.

    Raises:
        UsageError: CMake, the toolchain or the sources are missing.
        RunnerError: A program does not compile.
    """
    runtime = _runtime(version)
    runner_build.find_cmake()
    chain, folder = runner_build.find_toolchain(toolchain, ndk), runner_build.find_sources(sources)
    archive = _archive(runtime, aar)
    plan = runner_build.BuildPlan(runtime, archive, chain, folder)
    for abi in abis:
        print(f"Building the program for {abi} …", file=sys.stderr)
        target = runner_build.build(abi, plan)
        print(f"The program for {abi} is ready: {target}", file=sys.stderr)
    return cli_app.DONE


def _runtime(version: str) -> Runtime:
    return formats.chosen_runtime(FORMATS[formats.default()], version)


def _archive(runtime: Runtime, given: Path | None, *, unpacked: bool = False) -> Path:
    """The runtime's AAR, with its progress on the screen."""
    from deploy.cli.signals import ending

    with cli_progress.view() as view:
        job = Job(send=view.show)  # type: ignore[arg-type]
        with ending([job]):
            archive = runtimes.aar(runtime, job, given=given)
            for abi in runtime.abis if unpacked else ():
                runtimes.libraries(runtime, abi, archive)
    return archive
