"""The prebuilt benchmark programs are those of today's sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pqv_core.files.fsio import sha256_file
from pqv_core.files.provenance import SHARED, sources_sha256
from pqv_core.files.resource_files import resource
from pqv_core.formats import runtime_files
from pqv_core.formats.base import Runtime
from scripts import elf

SOURCES = Path(__file__).resolve().parents[4] / "android_runner"
ABIS = {"lite": ("arm64-v8a", "armeabi-v7a", "x86_64"), "executorch": ("arm64-v8a", "x86_64")}
FORMATS = {"lite": "ptl", "executorch": "pte"}
PROGRAMS = [(name, abi) for name, abis in ABIS.items() for abi in abis]
DECIDES = ("CMakeLists.txt", "CMakePresets.json", "cmake/a.cmake", "src/core/a.cpp", "src/lite/b.hpp")


def provenance(name: str) -> Any:
    return json.loads(resource("runner", name, "provenance.json").read_text(encoding="utf-8"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (*DECIDES, "src/other/c.cpp", "README.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n", newline="\n")
    return tmp_path


@pytest.mark.parametrize("name", ABIS)
def test_the_programs_are_of_todays_sources(name: str) -> None:
    assert provenance(name)["sources_sha256"] == sources_sha256(SOURCES, name), (
        "android_runner/ has changed since resources/runner was built: run python -m scripts.build_runners"
    )


@pytest.mark.parametrize(("name", "abi"), PROGRAMS)
def test_the_programs_are_those_that_were_built(name: str, abi: str) -> None:
    program = resource("runner", name, abi, "pqv_bench")
    facts = provenance(name)["binaries"][abi]
    assert (facts["sha256"], facts["size_bytes"]) == (sha256_file(program), program.stat().st_size)
    assert facts["compiler"] and facts["sysroot"]


@pytest.mark.parametrize(("name", "abi"), PROGRAMS)
def test_the_programs_run_on_pages_of_16_kb_and_are_small(name: str, abi: str) -> None:
    data = resource("runner", name, abi, "pqv_bench").read_bytes()
    found = elf.read(data)
    assert (found.abi, found.page_size, found.has_symbols) == (abi, 16384, False)
    assert len(data) < 200_000
    assert b"/home/" not in data and b"/tmp/" not in data and b"/work/" not in data


@pytest.mark.parametrize("name", ABIS)
def test_the_programs_are_for_the_runtime_that_is_described(name: str) -> None:
    format = FORMATS[name]
    described = runtime_files.load(format, runtime_files.versions(format)[-1], Runtime)
    assert described.program == name
    assert provenance(name)["runtime"] == {item.coordinates: item.sha256 for item in described.archives}
    assert set(ABIS[name]) <= set(described.abis)


@pytest.mark.parametrize("name", DECIDES)
def test_any_change_of_a_source_changes_the_hash(tree: Path, name: str) -> None:
    before = sources_sha256(tree, "lite")
    (tree / name).write_text("something else\n")
    assert sources_sha256(tree, "lite") != before


def test_names_count_too(tree: Path) -> None:
    before = sources_sha256(tree, "lite")
    (tree / "src/core/a.cpp").rename(tree / "src/core/c.cpp")
    assert sources_sha256(tree, "lite") != before


def test_another_backend_does_not(tree: Path) -> None:
    before = sources_sha256(tree, "lite")
    (tree / "src/other/c.cpp").write_text("something else\n")
    assert sources_sha256(tree, "lite") == before != sources_sha256(tree, "other")


def test_line_ends_and_documents_do_not(tree: Path) -> None:
    before = sources_sha256(tree, "lite")
    for path in (tree / "src/core").iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (tree / "README.md").write_text("other words\n")
    assert sources_sha256(tree, "lite") == before


def test_a_missing_source_is_noticed(tree: Path) -> None:
    assert "CMakeLists.txt" in SHARED
    (tree / "CMakeLists.txt").unlink()
    with pytest.raises(FileNotFoundError):
        sources_sha256(tree, "lite")


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x02\x01", b"MZ" + b"\0" * 100])
def test_what_is_not_an_elf_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="ELF"):
        elf.read(data)
