"""Benchmark programs: which one is used, where it comes from, and how one is built here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.cli import runner as cli_runner
from deploy.errors import RunnerError, RuntimeLibraryError
from deploy.kit import build as runner_build
from deploy.kit import fetching, runtimes
from deploy.kit import programs as runners
from deploy.kit.build import BuildPlan, build, find_sources, find_toolchain
from pqv_core.errors import StorageError, UsageError
from pqv_core.files.fsio import sha256_file
from pqv_core.formats import runtime_files
from pqv_core.formats.base import Archive, Runtime
from pqv_core.formats.ptl import android_runtime
from pqv_core.formats.ptl.android_runtime import LiteRuntime

ARM64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0\xb7\0program"
IN_NDK = "build/cmake/android.toolchain.cmake"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, and no NDK anywhere."""
    monkeypatch.setattr(runners, "built", lambda: tmp_path / "data" / "runner")
    monkeypatch.setattr(runtimes, "cache", lambda: tmp_path / "cache")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_NDK", "ANDROID_HOME", "ANDROID_SDK_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data" / "runner"


@pytest.fixture
def runtime() -> LiteRuntime:
    return android_runtime.load(android_runtime.DEFAULT)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def plan(tmp_path: Path, runtime: LiteRuntime) -> BuildPlan:
    return BuildPlan(runtime, (made(tmp_path / "a.aar"),), made(tmp_path / "ndk" / IN_NDK), runner_build.CHECKOUT)


@pytest.fixture
def cmake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CMake that notes its words, and leaves what ``result`` holds as the program."""
    program = tmp_path / "bin" / "cmake"
    program.parent.mkdir()
    (tmp_path / "result").write_bytes(ARM64)
    program.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/words
while [ $# -gt 0 ]; do case $1 in -B|--build) folder=$2;; esac; shift; done
mkdir -p $folder/CMakeFiles/3.30.0
printf 'set(CMAKE_CXX_COMPILER_ID "Clang")\\nset(CMAKE_CXX_COMPILER_VERSION "18.0.1")\\n' \\
    > $folder/CMakeFiles/3.30.0/CMakeCXXCompiler.cmake
[ -e {tmp_path}/said ] && {{ cat {tmp_path}/said; exit 1; }}
[ -e {tmp_path}/result ] && cp {tmp_path}/result $folder/pqv_bench
exit 0
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_those_that_came_are_verified() -> None:
    assert runners.abis("lite") == ("arm64-v8a", "armeabi-v7a", "x86_64")
    assert runners.abis("executorch") == ("arm64-v8a", "x86_64")
    for name, abi in ((one, abi) for one in ("lite", "executorch") for abi in runners.abis(one)):
        assert runners.verified(name, abi).name == "pqv_bench"
        found = runners.origin(name, abi)
        assert found
        assert not found.here
        assert re.search(r"bundled with PQV-Mobile, built with .*clang version \d+", found.sentence)


def test_a_missing_one_is_named() -> None:
    assert runners.origin("lite", "x86") is None
    with pytest.raises(RunnerError, match="No benchmark program for x86"):
        runners.verified("lite", "x86")


def test_a_changed_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    came = made(tmp_path / "came" / "lite" / "arm64-v8a" / "pqv_bench")
    (tmp_path / "came" / "lite" / "provenance.json").write_text(
        json.dumps({"binaries": {"arm64-v8a": {"sha256": "0" * 64}}})
    )
    monkeypatch.setattr(runners, "resource", lambda *parts: tmp_path.joinpath("came", *parts[1:]))
    assert runners.find("lite", "arm64-v8a") == came
    with pytest.raises(RunnerError, match="not the one that was published"):
        runners.verified("lite", "arm64-v8a")


@pytest.mark.parametrize("text", ["", "[]", '{"binaries": 5}', '{"binaries": {"arm64-v8a": []}}', "{"])
def test_one_without_provenance_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    made(tmp_path / "came" / "lite" / "arm64-v8a" / "pqv_bench")
    (tmp_path / "came" / "lite" / "provenance.json").write_text(text)
    monkeypatch.setattr(runners, "resource", lambda *parts: tmp_path.joinpath("came", *parts[1:]))
    with pytest.raises(RunnerError):
        runners.verified("lite", "arm64-v8a")


def test_one_built_here_comes_first_and_says_where_from(
    cmake: Path, plan: BuildPlan, data: Path, tmp_path: Path
) -> None:
    target = build("arm64-v8a", plan)
    assert target == data / "lite" / "arm64-v8a" / "pqv_bench"
    assert runners.verified("lite", "arm64-v8a") == target
    found = runners.origin("lite", "arm64-v8a")
    assert found
    assert found.here
    assert found.facts["sha256"] == sha256_file(target)
    assert found.facts["compiler"] == "Clang 18.0.1"
    assert found.facts["toolchain"] == str(plan.toolchain)
    assert found.facts["runtime"] == {item.coordinates: item.sha256 for item in plan.runtime.archives}
    assert re.fullmatch(r"built here on \d{4}-\d\d-\d\d with Clang 18.0.1", found.sentence)
    words = (tmp_path / "words").read_text()
    for word in (
        "-DANDROID_ABI=arm64-v8a",
        f"-DPQV_AAR={plan.archives[0]}",
        "-DPQV_BACKENDS=lite",
        f"-DCMAKE_TOOLCHAIN_FILE={plan.toolchain}",
    ):
        assert word in words
    target.write_bytes(b"changed")
    with pytest.raises(RunnerError, match="not the one that was built"):
        runners.verified("lite", "arm64-v8a")


def test_what_is_used_is_shown(cmake: Path, plan: BuildPlan, capsys: pytest.CaptureFixture[str]) -> None:
    build("arm64-v8a", plan)
    assert cli_runner.info(as_json=True) == 0
    programs = json.loads(capsys.readouterr().out)["programs"]
    assert [row["built_here"] for row in programs if row["format"] == "ptl"] == [True, False, False]
    assert cli_runner.info(as_json=False) == 0
    assert "built here on" in capsys.readouterr().out


def test_a_program_for_another_processor_is_not_installed(
    cmake: Path, plan: BuildPlan, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunnerError, match="builds for arm64-v8a, not for x86_64"):
        build("x86_64", plan)
    (tmp_path / "result").write_bytes(b"#!/bin/sh")
    with pytest.raises(RunnerError, match="no Android processor"):
        build("arm64-v8a", plan)
    (tmp_path / "result").unlink()
    with pytest.raises(StorageError, match="produced no program"):
        build("arm64-v8a", plan)
    assert not data.exists()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('CMake Error: CMake was unable to find a build program corresponding to "Ninja".', "Neither Ninja nor Make"),
        (
            "  The CMAKE_CXX_COMPILER:\n\n    clang++-99\n\n  is not a full path and was not found in the PATH.",
            "compiler",
        ),
        (
            'CMake Error (message):\n  The C++ compiler "/x"\n  is not able to\n  compile a simple test program.',
            "compiler",
        ),
        (
            "CMake Error at CMakeLists.txt:2:\n  CMake 3.21 or higher is required.  You are running 3.10",
            "3.21 or later",
        ),
        (
            "CMake Error at a.cmake:9 (message):\n  armeabi-v7a needs Clang 13\n  or older\n\n",
            "needs Clang 13 or older",
        ),
        ("src/a.cpp:3:4: error: no member named \x1b[31mx\nmore", "no member named"),
        ("ninja: stopped", "could not be built"),
    ],
)
def test_every_failure_has_its_sentence(cmake: Path, plan: BuildPlan, tmp_path: Path, said: str, words: str) -> None:
    (tmp_path / "said").write_text(said)
    with pytest.raises(RunnerError, match=words) as caught:
        build("arm64-v8a", plan)
    assert "\x1b" not in str(caught.value) + caught.value.details
    assert caught.value.action


def test_without_cmake(plan: BuildPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="CMake is not installed"):
        build("arm64-v8a", plan)


def test_a_processor_that_the_runtime_does_not_know(cmake: Path, plan: BuildPlan) -> None:
    with pytest.raises(UsageError, match="arm64-v8a, armeabi-v7a"):
        build("mips", plan)


def test_a_toolchain_file_that_is_given(tmp_path: Path) -> None:
    assert find_toolchain(made(tmp_path / "t.cmake"), None) == tmp_path / "t.cmake"
    with pytest.raises(UsageError, match="Toolchain file not found"):
        find_toolchain(tmp_path / "none.cmake", None)


def test_where_an_ndk_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="No Android NDK was found"):
        find_toolchain(None, None)
    for version in ("9.1.2", "26.1.10909125", "25.2.9519653"):
        made(tmp_path / "home" / "Android" / "Sdk" / "ndk" / version / IN_NDK)
    monkeypatch.setattr("sys.platform", "linux")
    newest = find_toolchain(None, None)
    assert "26.1.10909125" in newest.parts
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    made(tmp_path / "sdk" / "ndk" / "20.0.1" / IN_NDK)
    assert "20.0.1" in find_toolchain(None, None).parts
    monkeypatch.setenv("ANDROID_NDK_HOME", str(tmp_path / "r23"))
    assert "20.0.1" in find_toolchain(None, None).parts  # r23 is not there
    made(tmp_path / "r23" / IN_NDK)
    assert find_toolchain(None, None) == tmp_path / "r23" / IN_NDK
    assert find_toolchain(None, made(tmp_path / "own" / IN_NDK).parents[2]) == tmp_path / "own" / IN_NDK
    with pytest.raises(UsageError, match="is not an Android NDK"):
        find_toolchain(None, tmp_path)


def test_the_sources(tmp_path: Path) -> None:
    assert (find_sources(None) / "src" / "core" / "main.cpp").is_file()
    with pytest.raises(UsageError, match="not in"):
        find_sources(tmp_path)


def test_what_is_missing_is_said_before_anything_is_fetched(cmake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.kit.runtimes.archives", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(UsageError, match="NDK"):
        cli_runner.build(["arm64-v8a"], format="", version="", archives=(), toolchain=None, ndk=None, sources=None)


def test_each_archive_is_given_to_cmake_by_its_setting(tmp_path: Path) -> None:
    runtime = runtime_files.load("pte", "0.9.3", Runtime)
    assert runner_build.settings(runtime, [tmp_path / "a.aar", tmp_path / "b.tgz"]) == [
        "-DPQV_BACKENDS=executorch",
        f"-DPQV_FBJNI={tmp_path / 'a.aar'}",
        f"-DPQV_NPM={tmp_path / 'b.tgz'}",
    ]


def test_programs_and_runtimes_of_both_formats_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert cli_runner.info(as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["format"], row["version"]) for row in told["runtimes"]] == [("ptl", "1.12.2"), ("pte", "0.9.3")]
    assert [row["abi"] for row in told["programs"] if row["format"] == "pte"] == ["arm64-v8a", "x86_64"]
    assert cli_runner.info(as_json=False) == 0
    said = capsys.readouterr().out
    assert "Program for .pte on arm64-v8a" in said and "Xnnpack, Vulkan" in said


def test_all_archives_that_cannot_be_fetched_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(archive: Archive, *_: object) -> Path:
        raise RuntimeLibraryError(f"{archive.coordinates} cannot be downloaded.", action="Give a file.")

    monkeypatch.setattr(fetching, "fetch", unavailable)
    with pytest.raises(RuntimeLibraryError) as caught:
        cli_runner.fetch([], "", [])
    for name in ("pytorch_android_lite", "fbjni", "react-native-executorch"):
        assert name in caught.value.message
    assert caught.value.action == "Give a file."
    with pytest.raises(RuntimeLibraryError) as caught:
        cli_runner.fetch(["pte"], "", [])
    assert "pytorch_android_lite" not in caught.value.message


def test_a_version_alone_says_which_format_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def archives(runtime: Runtime, *_: object, **__: object) -> tuple[Path, ...]:
        asked.append(runtime.version)
        return ()

    monkeypatch.setattr(runtimes, "archives", archives)
    monkeypatch.setattr(runtimes, "libraries", lambda *_, **__: [])
    assert cli_runner.fetch([], "0.9.3", []) == 0
    assert asked == ["0.9.3"]


def test_a_format_without_a_runtime_is_refused() -> None:
    with pytest.raises(UsageError, match="'onnx'"):
        cli_runner.fetch(["onnx"], "", [])
