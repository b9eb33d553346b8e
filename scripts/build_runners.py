"""Build ``resources/runner/NAME/ABI/pqv_bench`` and say in ``provenance.json`` what they were made from.

Needs cmake, ninja and, for each ABI, a toolchain file (an NDK's ``build/cmake/android.toolchain.cmake``, or any other
that sets ANDROID and ANDROID_ABI), and the runtime's archives in the order of its description:

    python -m scripts.build_runners --format ptl --archive pytorch_android_lite-1.12.2.aar \\
        --toolchain arm64-v8a=FILE --toolchain armeabi-v7a=FILE --toolchain x86_64=FILE
    python -m scripts.build_runners --format pte --archive fbjni-0.7.0.aar \\
        --archive react-native-executorch-0.9.3.tgz --toolchain arm64-v8a=FILE --toolchain x86_64=FILE
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.kit import build as kit_build
from pqv_core.files.fsio import sha256_file, write_json
from pqv_core.files.provenance import sources_sha256
from pqv_core.formats import runtime_files
from pqv_core.formats.base import Runtime
from scripts import elf

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "android_runner"
TARGET = ROOT / "resources" / "runner"


def main() -> None:
    """Build what was asked for; the provenance is written when all programs are of the same sources."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=("ptl", "pte"), required=True)
    parser.add_argument("--runtime", help="its version (default: the newest)", metavar="VERSION")
    parser.add_argument("--archive", type=Path, action="append", required=True)
    parser.add_argument("--toolchain", action="append", required=True, metavar="ABI=FILE")
    given = parser.parse_args()
    version = given.runtime or runtime_files.versions(given.format)[-1]
    runtime = runtime_files.load(given.format, version, Runtime)
    check(runtime, given.archive)
    target = TARGET / runtime.program
    binaries = {}
    for row in given.toolchain:
        abi, _, toolchain = row.partition("=")
        binaries[abi] = build(abi, Path(toolchain).resolve(), runtime, given.archive, target / abi / "pqv_bench")
    facts = {
        "schema_version": 1,
        "sources_sha256": sources_sha256(SOURCES, runtime.program),
        "runtime": kit_build.origin(runtime),
        "binaries": binaries,
    }
    write_json(target / "provenance.json", facts)


def check(runtime: Runtime, archives: Sequence[Path]) -> None:
    """End where the archives are not the published ones, each in its place."""
    for archive, path in zip(runtime.archives, archives, strict=True):
        if sha256_file(path) != archive.sha256:
            raise SystemExit(f"{path} is not the published {archive.coordinates}.")


def build(abi: str, toolchain: Path, runtime: Runtime, archives: Sequence[Path], program: Path) -> dict[str, Any]:
    """Build for one ABI, put the program in its place, and tell about it."""
    folder = ROOT / "build" / "runner" / f"{runtime.program}-{abi}"
    settings = [f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", f"-DPQV_RUNTIME_VERSION={runtime.version}"]
    settings += kit_build.settings(runtime, [path.resolve() for path in archives])
    subprocess.run(["cmake", "--fresh", "--preset", abi, "-B", folder, *settings], cwd=SOURCES, check=True)
    subprocess.run(["cmake", "--build", folder], check=True)
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kit_build.made(folder), program)
    found = elf.read(program.read_bytes())
    if found.abi != abi or found.page_size < 16384 or found.has_symbols:
        raise SystemExit(f"{program} is not what it should be: {found}")
    return {
        "sha256": sha256_file(program),
        "size_bytes": program.stat().st_size,
        "compiler": compiler(folder),
        "sysroot": f"Android NDK {found.ndk}, API level {found.api_level}",
        "page_size": found.page_size,
    }


def compiler(folder: Path) -> str:
    """First line of what the compiler says about its version."""
    (file,) = (folder / "CMakeFiles").glob("*/CMakeCXXCompiler.cmake")
    line = next(line for line in file.read_text().splitlines() if line.startswith("set(CMAKE_CXX_COMPILER "))
    said = subprocess.run([line.split('"')[1], "--version"], stdout=subprocess.PIPE, check=True)
    return said.stdout.decode().splitlines()[0]


if __name__ == "__main__":
    main()
