"""Write ``resources/runtimes/FORMAT/VERSION.json``: what a runtime for Android is and what it can do.

The operators come from the runtime itself: the benchmark program is put beside the libraries of its archives and asked
for them, so an emulator, a phone or any other way to start an Android program is needed. With the prebuilt programs,
and a command that starts them under a real Android C library:

    python -m scripts.dump_runtime --format ptl --version 1.12.2 --abi x86_64 --wrapper run-x86_64 \\
        --maven org.pytorch:pytorch_android_lite:1.12.2=pytorch_android_lite-1.12.2.aar
    python -m scripts.dump_runtime --format pte --version 0.9.3 --abi x86_64 --wrapper run-x86_64 \\
        --npm react-native-executorch@0.9.3=react-native-executorch-0.9.3.tgz \\
        --maven com.facebook.fbjni:fbjni:0.7.0=fbjni-0.7.0.aar
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pqv_core.files.fsio import sha256_file, write_json
from scripts import elf

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
PROGRAMS = {"ptl": "lite", "pte": "executorch"}
ABIS = ("arm64-v8a", "armeabi-v7a", "x86", "x86_64")
FOLDERS = {"maven": "jni/{abi}/", "npm": "package/third-party/android/libs/executorch/{abi}/"}
SONAMES = {"libexecutorch.so": "libexecutorch_jni.so"}
"""Names by which a program asks for libraries whose files are called otherwise."""


def main() -> None:
    """Ask the runtime and write the file."""
    given = arguments()
    archives = [Archive(source, row) for source in FOLDERS for row in getattr(given, source)]
    abis = [abi for abi in ABIS if all(archive.libraries(abi) for archive in archives)]
    program = given.program or RESOURCES / "runner" / PROGRAMS[given.format] / given.abi / "pqv_bench"
    context, known = ask(archives, given.abi, program, shlex.split(given.wrapper))
    output = given.output or RESOURCES / "runtimes" / given.format / f"{given.version}.json"
    files = [elf.read(data) for archive in archives for abi in abis for data in archive.libraries(abi).values()]
    files.append(elf.read(program.read_bytes()))
    description = {
        "version": given.version,
        "program": PROGRAMS[given.format],
        "archives": [archive.description(abis) for archive in archives],
        "abis": abis,
        "page_size": min(file.page_size for file in files),
        "api_level": max(file.api_level or 0 for file in files),
        **abilities(given.format, context, known),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    write_json(output, description)
    print(f"{output}: {len(known['operators'])} operators, {', '.join(context['engines'])}")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=PROGRAMS, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--npm", action="append", default=[], metavar="NAME@VERSION=FILE")
    parser.add_argument("--maven", action="append", default=[], metavar="GROUP:ARTIFACT:VERSION=FILE")
    parser.add_argument("--abi", required=True, help="of the program that is asked")
    parser.add_argument("--wrapper", default="", help="command that starts PROGRAM ARGS...")
    parser.add_argument("--program", type=Path, help="pqv_bench for that ABI (default: the prebuilt one)")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


class Archive:
    """An archive that libraries are taken from.

    Args:
        row: Its coordinates, ``=`` and the file.
    """

    def __init__(self, source: str, row: str) -> None:
        self.source = source
        self.coordinates, _, name = row.partition("=")
        self.path = Path(name)
        self.members = members(self.path)

    def libraries(self, abi: str) -> dict[str, bytes]:
        """By their names in the archive, the libraries for an ABI."""
        folder = FOLDERS[self.source].format(abi=abi)
        return {name: data for name, data in self.members.items() if name.startswith(folder)}

    def description(self, abis: list[str]) -> dict[str, Any]:
        """As ``pqv_core.formats.base.Archive`` reads it."""
        names = sorted({Path(name).name for abi in abis for name in self.libraries(abi)})
        return {
            "source": self.source,
            "coordinates": self.coordinates,
            "sha256": sha256_file(self.path),
            "size_bytes": self.path.stat().st_size,
            "libraries": {SONAMES.get(name, name): FOLDERS[self.source] + name for name in names},
        }


def members(path: Path) -> dict[str, bytes]:
    """The shared objects of an archive, by name."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            return {name: opened.read(name) for name in opened.namelist() if name.endswith(".so")}
    with tarfile.open(path) as tape:
        files = [(entry.name, tape.extractfile(entry)) for entry in tape if entry.name.endswith(".so")]
        return {name: file.read() for name, file in files if file is not None}


def ask(archives: list[Archive], abi: str, program: Path, wrapper: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The program's records of type ``context`` and ``ops``."""
    with tempfile.TemporaryDirectory(prefix="pqv-runtime-") as folder:
        for archive in archives:
            for name, data in archive.libraries(abi).items():
                Path(folder, SONAMES.get(Path(name).name, Path(name).name)).write_bytes(data)
        started = shutil.copy(program, folder)
        done = subprocess.run([*wrapper, started, "--ops", "--json"], stdout=subprocess.PIPE, check=True)
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("{")]
    records = {record["type"]: record for record in map(json.loads, lines)}
    return records["context"], records["ops"]


def abilities(format: str, context: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What the runtime told; ``operators`` maps a name to its number of arguments, null where it keeps none."""
    if format == "pte":
        return {"delegates": context["engines"], "operators": known["operators"]}
    versions = {key: known[key] for key in ("bytecode_min", "bytecode_max")}
    return {"engines": context["engines"], **versions, "operators": known["operators"]}


if __name__ == "__main__":
    main()
