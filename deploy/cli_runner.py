"""``pqv runner info | fetch | build``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy import runners, runtimes
from deploy.errors import RunnerError
from deploy.job import Job
from deploy.runner import PROGRAM
from pqv_core import android_runtime, cli_app, cli_progress, formatting
from pqv_core.errors import UsageError, from_os_error
from pqv_core.fsio import replacing

_NDK = "build/cmake/android.toolchain.cmake"
_CHECKOUT = Path(__file__).resolve().parents[1] / "android_runner"


def info(*, as_json: bool) -> int:
    """Print what is there; returns the exit code."""
    programs = {abi: str(runners.find(abi)) for abi in runners.abis()}
    known = [android_runtime.load(version) for version in android_runtime.versions()]
    kept = {item.version: (runtimes.cache() / f"{item.sha256}.aar").exists() for item in known}
    if as_json:
        facts = [{"version": item.version, "abis": item.abis, "fetched": kept[item.version]} for item in known]
        print(json.dumps({"type": "runner", "programs": programs, "runtimes": facts}))
        return cli_app.DONE
    table = Table("Runtime", "Processors", "Bytecode", "Operators", "Size", "Fetched", box=None)
    for item in known:
        span = f"{item.bytecode_min} to {item.bytecode_max}"
        size, there = formatting.size(item.size_bytes), "yes" if kept[item.version] else "no"
        table.add_row(item.version, ", ".join(item.abis), span, str(len(item.operators)), size, there)
    console = Console(highlight=False)
    console.print(table)
    for abi, path in programs.items():
        console.print(f"Program for {abi}: {path}", markup=False, soft_wrap=True)
    return cli_app.DONE


def fetch(version: str, given: Path | None) -> int:
    """Fetch and unpack a runtime for all processors; returns the exit code."""
    from deploy.cli_signals import ending

    runtime = android_runtime.load(version)
    with cli_progress.view() as view:
        job = Job(send=view.show)  # type: ignore[arg-type]
        with ending([job]):
            archive = runtimes.aar(runtime, job, given=given)
            for abi in runtime.abis:
                runtimes.libraries(runtime, abi, archive)
    print(f"The Android runtime {version} is ready: {archive}", file=sys.stderr)
    return cli_app.DONE


def build(abi: str, *, toolchain: Path | None, sources: Path | None, aar: Path | None, version: str) -> int:
    """Build the program for one ABI with CMake; returns the exit code.

    Raises:
        UsageError: CMake, the toolchain or the sources are missing.
        RunnerError: It does not compile.
    """
    runtime = android_runtime.load(version)
    if abi not in runtime.abis:
        raise UsageError(f"{abi} is not a processor of the runtime.", action=f"Choose {', '.join(runtime.abis)}.")
    cmake = shutil.which("cmake")
    if cmake is None:
        raise UsageError("CMake is not installed.", action="Install CMake and Ninja, or use the program that came.")
    folder = sources or _CHECKOUT
    if not (folder / "CMakeLists.txt").is_file():
        raise UsageError("The program's sources are not here.", action="Give their folder: --sources android_runner.")
    archive = runtimes.aar(runtime, Job(), given=aar)
    with tempfile.TemporaryDirectory(prefix="pqv-runner-") as scratch:
        words = [cmake, "-S", str(folder), "-B", scratch, "-DCMAKE_BUILD_TYPE=Release"]
        words += [f"-DCMAKE_TOOLCHAIN_FILE={_toolchain(toolchain)}", f"-DANDROID_ABI={abi}"]
        words += ["-DANDROID_PLATFORM=android-24", "-DANDROID_STL=c++_shared"]
        words += [f"-DPQV_AAR={archive}", f"-DPQV_RUNTIME_VERSION={version}"]
        _call(words)
        _call([cmake, "--build", scratch, "--target", PROGRAM])
        target = runners.built() / abi / PROGRAM
        try:
            with replacing(target) as temporary:
                shutil.copyfile(Path(scratch) / PROGRAM, temporary)
        except OSError as error:
            raise from_os_error(error, target) from error
    print(f"The program for {abi} is ready: {target}", file=sys.stderr)
    return cli_app.DONE


def _toolchain(given: Path | None) -> Path:
    home = os.environ.get("ANDROID_NDK_HOME", "")
    path = given or (Path(home, _NDK) if home else None)
    if path is None or not path.is_file():
        raise UsageError(
            "No NDK was found.", action="Set ANDROID_NDK_HOME to an installed NDK, or give --toolchain FILE."
        )
    return path.resolve()


def _call(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise RunnerError(
            "The benchmark program could not be built.",
            action="Run with PQV_DEBUG=1 to see the compiler's words.",
            details=(done.stdout + done.stderr)[-20_000:],
        )
