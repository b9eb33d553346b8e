"""The runtime's libraries: fetched once, verified, taken out by their exact names."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.errors import RuntimeLibraryError
from deploy.job import Job
from deploy.kit import runtimes
from pqv_core.errors import Cancelled, StorageError
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from pqv_core.process.events import Event, Progress

LIBRARY = bytes(range(256)) * 5000


def made(path: Path, **members: bytes) -> LiteRuntime:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../escape.so", b"evil")
        for name, content in members.items():
            archive.writestr(f"jni/x86_64/{name}.so", content)
    return LiteRuntime(
        version="9.9",
        coordinates="org.example:runtime:9.9",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size_bytes=path.stat().st_size,
        abis=("x86_64",),
        libraries=tuple(f"{name}.so" for name in members),
        bytecode_min=1,
        bytecode_max=9,
        operators={},
    )


@pytest.fixture
def aar(tmp_path: Path) -> Path:
    return tmp_path / "runtime.aar"


@pytest.fixture
def runtime(aar: Path) -> LiteRuntime:
    return made(aar, libone=LIBRARY, libtwo=b"two")


def test_a_given_file_is_verified_and_kept(runtime: LiteRuntime, aar: Path, tmp_path: Path) -> None:
    kept = runtimes.aar(runtime, Job(), given=aar, folder=tmp_path / "cache")
    aar.unlink()
    assert runtimes.aar(runtime, Job(), folder=tmp_path / "cache") == kept


def test_another_file_is_refused(runtime: LiteRuntime, tmp_path: Path) -> None:
    other = tmp_path / "other.aar"
    other.write_bytes(b"PK other")
    with pytest.raises(RuntimeLibraryError, match="is not the published"):
        runtimes.aar(runtime, Job(), given=other, folder=tmp_path / "cache")
    with pytest.raises(StorageError):
        runtimes.aar(runtime, Job(), given=tmp_path / "none", folder=tmp_path / "cache")


def test_libraries_come_out_once_and_nothing_else_does(runtime: LiteRuntime, aar: Path, tmp_path: Path) -> None:
    paths = runtimes.libraries(runtime, "x86_64", aar, folder=tmp_path / "cache")
    assert [path.name for path in paths] == ["libone.so", "libtwo.so"]
    assert paths[0].read_bytes() == LIBRARY
    before = paths[0].stat().st_mtime_ns
    runtimes.libraries(runtime, "x86_64", aar, folder=tmp_path / "cache")
    assert paths[0].stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("escape.so"))


def test_a_damaged_library_is_taken_out_again(runtime: LiteRuntime, aar: Path, tmp_path: Path) -> None:
    (first, _) = runtimes.libraries(runtime, "x86_64", aar, folder=tmp_path / "cache")
    first.write_bytes(bytes(len(LIBRARY)))
    runtimes.libraries(runtime, "x86_64", aar, folder=tmp_path / "cache")
    assert first.read_bytes() == LIBRARY


def test_what_is_not_there_is_named(runtime: LiteRuntime, aar: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeLibraryError, match="no libraries for mips"):
        runtimes.libraries(runtime, "mips", aar, folder=tmp_path / "cache")
    lacking = runtime.model_copy(update={"libraries": ("libnone.so",)})
    with pytest.raises(RuntimeLibraryError, match="lacks libraries"):
        runtimes.libraries(lacking, "x86_64", aar, folder=tmp_path / "cache")


def test_a_library_that_claims_too_much(
    runtime: LiteRuntime, aar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "MAX_LIBRARY", 1000)
    with pytest.raises(RuntimeLibraryError):
        runtimes.libraries(runtime, "x86_64", aar, folder=tmp_path / "cache")


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
        monkeypatch.setattr(runtimes, "REPOSITORIES", {"here": f"http://127.0.0.1:{server.server_port}"})
        yield folder
        server.shutdown()
        thread.join()


def test_it_is_fetched_by_its_coordinates_with_progress(
    runtime: LiteRuntime, aar: Path, repository: Path, tmp_path: Path
) -> None:
    place = repository / "org/example/runtime/9.9/runtime-9.9.aar"
    place.parent.mkdir(parents=True)
    aar.rename(place)
    events: list[Event] = []
    kept = runtimes.aar(runtime, Job(send=events.append), folder=tmp_path / "cache")
    assert kept.read_bytes() == place.read_bytes()
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.total, last.unit) == (runtime.size_bytes, runtime.size_bytes, "bytes")
    place.unlink()
    assert runtimes.aar(runtime, Job(), folder=tmp_path / "cache") == kept


def test_fetching_can_be_cancelled_and_leaves_nothing(
    runtime: LiteRuntime, aar: Path, repository: Path, tmp_path: Path
) -> None:
    place = repository / "org/example/runtime/9.9/runtime-9.9.aar"
    place.parent.mkdir(parents=True)
    aar.rename(place)
    job = Job()
    job.cancelled.set()
    with pytest.raises(Cancelled):
        runtimes.aar(runtime, job, folder=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_changed_archive_is_refused(runtime: LiteRuntime, repository: Path, tmp_path: Path) -> None:
    place = repository / "org/example/runtime/9.9/runtime-9.9.aar"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"PK changed")
    with pytest.raises(RuntimeLibraryError, match="The download is not"):
        runtimes.aar(runtime, Job(), folder=tmp_path / "cache")


def test_without_network_the_remedy_is_named(runtime: LiteRuntime, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeLibraryError, match="--aar FILE"):
        runtimes.aar(runtime, Job(), folder=tmp_path / "cache")
