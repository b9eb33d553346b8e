"""Write ``resources/runtimes/ptl/VERSION.json``: what a PyTorch runtime for Android is and what it can do.

The operators come from the runtime itself: the benchmark program is put beside the libraries of the AAR and asked for
them, so an emulator, a phone or any other way to start an Android program is needed. For example, with the prebuilt
program and a command that starts it under a real Android C library:

    python -m scripts.dump_runtime --aar pytorch_android_lite-1.12.2.aar \\
        --coordinates org.pytorch:pytorch_android_lite:1.12.2 --abi x86_64 --wrapper run-x86_64
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pqv_core.files.fsio import sha256_file, write_json
from scripts import elf

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


def main() -> None:
    """Ask the runtime and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aar", type=Path, required=True)
    parser.add_argument("--coordinates", required=True, help="group:artifact:version")
    parser.add_argument("--abi", required=True, help="of the program that is asked")
    parser.add_argument("--wrapper", default="", help="command that starts PROGRAM ARGS...")
    parser.add_argument("--program", type=Path, help="pqv_bench for that ABI (default: the prebuilt one)")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    version = given.coordinates.split(":")[2]
    program = given.program or RESOURCES / "runner" / given.abi / "pqv_bench"
    context, known = ask(given.aar, given.abi, program, shlex.split(given.wrapper))
    output = given.output or RESOURCES / "runtimes" / "ptl" / f"{version}.json"
    description = {**archive(given.aar, given.coordinates), **abilities(context, known)}
    output.parent.mkdir(parents=True, exist_ok=True)
    write_json(output, description)
    print(f"{output}: {len(known['operators'])} operators, engines {', '.join(context['engines'])}")


def ask(aar: Path, abi: str, program: Path, wrapper: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The program's records of type ``context`` and ``ops``."""
    with tempfile.TemporaryDirectory(prefix="pqv-runtime-") as folder:
        with zipfile.ZipFile(aar) as opened:
            for name in libraries(opened, abi):
                Path(folder, Path(name).name).write_bytes(opened.read(name))
        started = shutil.copy(program, folder)
        done = subprocess.run([*wrapper, started, "--ops", "--json"], stdout=subprocess.PIPE, check=True)
    records = {record["type"]: record for record in map(json.loads, done.stdout.decode().splitlines())}
    return records["context"], records["ops"]


def libraries(opened: zipfile.ZipFile, abi: str) -> list[str]:
    """Names, in the archive, of the shared objects for an ABI."""
    return sorted(name for name in opened.namelist() if name.startswith(f"jni/{abi}/") and name.endswith(".so"))


def archive(aar: Path, coordinates: str) -> dict[str, Any]:
    """What the archive itself tells."""
    with zipfile.ZipFile(aar) as opened:
        abis = sorted({name.split("/")[1] for name in opened.namelist() if name.startswith("jni/") and name[4:]})
        names = {abi: libraries(opened, abi) for abi in abis}
        page_size = min(elf.read(opened.read(name)).page_size for all_of in names.values() for name in all_of)
    return {
        "version": coordinates.split(":")[2],
        "coordinates": coordinates,
        "packaging": "aar",
        "sha256": sha256_file(aar),
        "size_bytes": aar.stat().st_size,
        "abis": abis,
        "libraries": sorted({Path(name).name for all_of in names.values() for name in all_of}),
        "page_size": page_size,
    }


def abilities(context: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What the runtime told; ``operators`` maps a name to its number of arguments, null where it keeps none."""
    return {
        "engines": context["engines"],
        "bytecode_min": known["bytecode_min"],
        "bytecode_max": known["bytecode_max"],
        "operators": known["operators"],
    }


if __name__ == "__main__":
    main()
