"""Building the benchmark program here, with an installed NDK or any CMake toolchain for Android."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.device import bounded
from deploy.errors import RunnerError
from deploy.kit import programs as runners
from deploy.measure.runner import PROGRAM
from pqv_core.errors import StorageError, UsageError, from_os_error
from pqv_core.files.fsio import replacing, sha256_file, write_json
from pqv_core.files.provenance import sources_sha256
from pqv_core.formats.base import Runtime
from pqv_core.process import supervised
from pqv_core.process.child import Overdue

CHECKOUT = Path(__file__).resolve().parents[2] / "android_runner"
_IN_NDK = "build/cmake/android.toolchain.cmake"
_MACHINES = {183: "arm64-v8a", 40: "armeabi-v7a", 62: "x86_64", 3: "x86"}
_API_LEVEL = "android-24"
_ARCHIVES = {"pytorch_android_lite": "PQV_AAR", "react-native-executorch": "PQV_NPM", "fbjni": "PQV_FBJNI"}
"""By the name of an archive, the setting of ``android_runner`` that takes its file."""


@dataclass(frozen=True)
class BuildPlan:
    """What to build with.

    Attributes:
        archives: The runtime's archives, verified, in their order.
        toolchain: CMake's toolchain file.
        sources: The folder ``android_runner``.
    """

    runtime: Runtime
    archives: tuple[Path, ...]
    toolchain: Path
    sources: Path


def find_cmake() -> str:
    """The installed CMake.

    Raises:
        UsageError: There is none.
    """
    if found := shutil.which("cmake"):
        return found
    raise UsageError(
        "CMake is not installed.",
        action="Install CMake 3.21 or later, and Ninja; otherwise the bundled program is used.",
    )


def find_sources(given: Path | None) -> Path:
    """The program's sources: those given, else those of the checkout.

    Raises:
        UsageError: They are not there.
    """
    folder = (given or CHECKOUT).resolve()
    if not (folder / "CMakeLists.txt").is_file():
        raise UsageError(
            f"The program's sources are not in {folder}.",
            action="Give the android_runner folder of the PQV-Mobile sources: --sources DIR.",
        )
    return folder


def find_toolchain(given: Path | None, ndk: Path | None) -> Path:
    """The toolchain file: the one given, else that of an NDK: the one given, of the environment, or of the SDK.

    Raises:
        UsageError: There is none.
    """
    if given is not None:
        if not given.is_file():
            raise UsageError(f"Toolchain file not found: {given}.", action="Give a CMake toolchain file for Android.")
        return given.resolve()
    if ndk is not None and not (ndk / _IN_NDK).is_file():
        raise UsageError(f"{ndk} is not an Android NDK: it has no {_IN_NDK}.", action="Give the NDK folder itself.")
    for folder in [ndk] if ndk else _ndks():
        if (folder / _IN_NDK).is_file():
            return (folder / _IN_NDK).resolve()
    raise UsageError(
        "No Android NDK was found.",
        action="Install one (Android Studio, SDK Manager) and give its folder with --ndk, or give --toolchain FILE.",
    )


def _ndks() -> list[Path]:
    """Where an NDK may lie; in an SDK the newest first."""
    named = [os.environ.get(name, "") for name in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_NDK")]
    sdks = [os.environ.get(name, "") for name in ("ANDROID_HOME", "ANDROID_SDK_ROOT")]
    usual = {"darwin": "Library/Android/sdk", "win32": "AppData/Local/Android/Sdk"}.get(sys.platform, "Android/Sdk")
    folders = [Path(sdk) / "ndk" for sdk in sdks if sdk] + [Path.home() / usual / "ndk"]
    versions = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir(), key=_age)]
    return [Path(name) for name in named if name] + versions


def _age(folder: Path) -> tuple[int, ...]:
    return tuple(-int(number) for number in re.findall(r"\d{1,9}", folder.name))


def build(abi: str, plan: BuildPlan) -> Path:
    """Build the program for one ABI and install it, with its provenance, into the user's data folder.

    Raises:
        UsageError: CMake is missing, or the runtime has no such ABI.
        RunnerError: It does not compile, or is for another processor.
        StorageError: It cannot be written.
    """
    if abi not in plan.runtime.abis:
        raise UsageError(
            f"{abi} is not a processor the runtime supports.", action=f"Choose {', '.join(plan.runtime.abis)}."
        )
    cmake = find_cmake()
    with tempfile.TemporaryDirectory(prefix="pqv-runner-") as scratch:
        words = [cmake, "-S", str(plan.sources), "-B", scratch, "-DCMAKE_BUILD_TYPE=Release"]
        words += ["-G", "Ninja"] if shutil.which("ninja") else []
        words += [f"-DCMAKE_TOOLCHAIN_FILE={plan.toolchain}", f"-DANDROID_ABI={abi}"]
        words += [f"-DANDROID_PLATFORM={_API_LEVEL}", "-DANDROID_STL=c++_shared"]
        words += [f"-DPQV_RUNTIME_VERSION={plan.runtime.version}", *settings(plan.runtime, plan.archives)]
        _call(words)
        _call([cmake, "--build", scratch])
        program = made(Path(scratch))
        if (machine := _machine(program)) != abi:
            raise RunnerError(
                f"The toolchain builds for {machine or 'no Android processor'}, not for {abi}.",
                action=f"Give a toolchain file for {abi}.",
                details=str(plan.toolchain),
            )
        return _install(abi, program, plan, compiler=_compiler(Path(scratch)))


def made(folder: Path) -> Path:
    """The program in a build folder, where each backend has a place of its own."""
    return next((path for path in folder.rglob(PROGRAM) if path.is_file()), folder / PROGRAM)


def settings(runtime: Runtime, archives: Sequence[Path]) -> list[str]:
    """CMake's settings for the program of a runtime: which one, and the files of the runtime's archives."""
    named = [_ARCHIVES[re.split("[:@]", item.coordinates)[-2]] for item in runtime.archives]
    files = [f"-D{name}={path}" for name, path in zip(named, archives, strict=True)]
    return [f"-DPQV_BACKENDS={runtime.program}", *files]


def origin(runtime: Runtime) -> dict[str, str]:
    """By their coordinates, the SHA-256 of the archives that a program is built on."""
    return {archive.coordinates: archive.sha256 for archive in runtime.archives}


def _install(abi: str, program: Path, plan: BuildPlan, *, compiler: str) -> Path:
    target = runners.built() / plan.runtime.program / abi / PROGRAM
    facts = {
        "schema_version": 1,
        "sources_sha256": sources_sha256(plan.sources, plan.runtime.program),
        "runtime": origin(plan.runtime),
        "sha256": sha256_file(program),
        "size_bytes": program.stat().st_size,
        "compiler": compiler,
        "toolchain": str(plan.toolchain),
        "built": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            shutil.copyfile(program, temporary)
    except OSError as error:
        raise from_os_error(error, target) from error
    write_json(target.with_name(runners.PROVENANCE), facts)
    return target


def _machine(program: Path) -> str:
    """The ABI that an ELF file is for; empty for another file."""
    try:
        with program.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise StorageError(
            "The build produced no program.", action="Update CMake and the toolchain.", details=str(error)
        ) from error
    return _MACHINES.get(int.from_bytes(head[18:20], "little"), "") if head[:4] == b"\x7fELF" else ""


def _compiler(folder: Path) -> str:
    """Name and version of the compiler that CMake found."""
    found: dict[str, str] = {}
    for file in folder.glob("CMakeFiles/*/CMakeCXXCompiler.cmake"):
        text = file.read_text(encoding="utf-8", errors="replace")
        found.update(re.findall(r'^set\(CMAKE_CXX_COMPILER_(ID|VERSION) "([^"\n]{1,80})"\)', text, re.MULTILINE))
    return " ".join(found[key] for key in ("ID", "VERSION") if key in found)


def _call(words: list[str]) -> None:
    try:
        done = supervised.run(words)
    except Overdue as error:
        raise RunnerError(
            f"The benchmark program could not be built: {Path(words[0]).name} {error}.",
            action="Check the toolchain and the disk, then rebuild.",
            details=" ".join(words),
        ) from error
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace")
        what, action = _reason(said)
        raise RunnerError(what, action=action, details=bounded.lines(said[-20_000:], 20_000))


def _reason(said: str) -> tuple[str, str]:
    """What went wrong in a build, and what to do."""
    if "unable to find a build program" in said or "CMAKE_MAKE_PROGRAM is not set" in said:
        return "Neither Ninja nor Make is installed.", "Install Ninja."
    if re.search(r"CMAKE_C(XX)?_COMPILER.{0,200}?(not found|not set|could not)", said, re.DOTALL) or re.search(
        r"No CMAKE_C(XX)?_COMPILER could be found|is not able to\s+compile a simple test program", said
    ):
        remedy = "Install the complete NDK or correct the toolchain file."
        return "The toolchain's C++ compiler is missing or does not work.", remedy
    if found := re.search(r"CMake ([\d.]+) or higher is required", said):
        return f"CMake {found[1]} or later is needed.", "Update CMake."
    if found := re.search(r"CMake Error at [^\n]*\(message\):\s*\n((?:  [^\n]*\n)+)", said):
        return f"The benchmark program could not be built: {bounded.text(' '.join(found[1].split()), 300)}.", _LOOK
    if found := re.search(r"^.*?\berror: (.+)$", said, re.MULTILINE):
        return f"The benchmark program could not be built: {bounded.text(found[1], 300)}.", _LOOK
    return "The benchmark program could not be built.", _LOOK


_LOOK = "Run with PQV_DEBUG=1 for the full build output."
