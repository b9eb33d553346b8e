"""Build ``resources/runner/ABI/pqv_bench`` and say in ``provenance.json`` what they were made from.

Needs cmake, ninja and, for each ABI, a toolchain file (an NDK's ``build/cmake/android.toolchain.cmake``, or any other
that sets ANDROID and ANDROID_ABI):

    python -m scripts.build_runners --aar FILE --toolchain arm64-v8a=FILE --toolchain armeabi-v7a=FILE ...
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pqv_core.files.fsio import sha256_file, write_json
from pqv_core.files.provenance import sources_sha256
from scripts import elf

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "android_runner"
TARGET = ROOT / "resources" / "runner"
RUNTIME = "1.12.2"
BACKEND = "lite"


def main() -> None:
    """Build what was asked for; the provenance is written when all programs are of the same sources."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aar", type=Path, required=True)
    parser.add_argument("--toolchain", action="append", required=True, metavar="ABI=FILE")
    given = parser.parse_args()
    runtime = json.loads((ROOT / "resources" / "runtimes" / "ptl" / f"{RUNTIME}.json").read_text(encoding="utf-8"))
    if sha256_file(given.aar) != runtime["sha256"]:
        raise SystemExit(f"{given.aar} is not the published {runtime['coordinates']}.")
    binaries = {}
    for row in given.toolchain:
        abi, _, toolchain = row.partition("=")
        binaries[abi] = build(abi, Path(toolchain).resolve(), given.aar.resolve())
    facts = {
        "schema_version": 1,
        "sources_sha256": sources_sha256(SOURCES, BACKEND),
        "runtime": {"coordinates": runtime["coordinates"], "sha256": runtime["sha256"]},
        "binaries": binaries,
    }
    write_json(TARGET / "provenance.json", facts)


def build(abi: str, toolchain: Path, aar: Path) -> dict[str, Any]:
    """Build for one ABI, put the program in its place, and tell about it."""
    settings = [f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", f"-DPQV_AAR={aar}", f"-DPQV_RUNTIME_VERSION={RUNTIME}"]
    subprocess.run(["cmake", "--fresh", "--preset", abi, *settings], cwd=SOURCES, check=True)
    subprocess.run(["cmake", "--build", "--preset", abi], cwd=SOURCES, check=True)
    folder = ROOT / "build" / "runner" / abi
    program = TARGET / abi / "pqv_bench"
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "pqv_bench", program)
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
