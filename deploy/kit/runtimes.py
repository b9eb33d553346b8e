"""The libraries of the PyTorch runtimes for Android, from the published archive (AAR), fetched once."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from deploy import APP
from deploy.errors import RuntimeLibraryError
from deploy.job import Job
from pqv_core.errors import Cancelled, from_os_error
from pqv_core.files.fsio import replacing, sha256_file
from pqv_core.formats.base import Runtime

MAX_LIBRARY = 512 << 20
REPOSITORIES: dict[str, str] | None = None  # Maven Central
_BLOCK = 1 << 20
_OFFLINE = "Connect to the internet or give a local file: pqv runner fetch --aar FILE."


def cache() -> Path:
    """Where fetched runtimes are kept."""
    return platformdirs.user_cache_path(APP, appauthor=False) / "runtimes"


def aar(runtime: Runtime, job: Job, *, given: Path | None = None, folder: Path | None = None) -> Path:
    """The runtime's AAR, verified; fetched when it is not there yet.

    Args:
        given: A file to take instead of fetching it.
        folder: Where it is kept; the user's cache when None.

    Raises:
        RuntimeLibraryError: It cannot be had, or its SHA-256 is not the expected one.
        StorageError: It cannot be written.
        Cancelled: The person asked for the end.
    """
    kept = (folder or cache()) / f"{runtime.sha256}.aar"
    if given is None and kept.exists() and sha256_file(kept) == runtime.sha256:
        return kept
    if given is not None:
        return _keep(_verified(given, runtime, "This file"), kept)
    with tempfile.TemporaryDirectory(prefix="pqv-aar-") as scratch:
        fetched = _fetch(runtime, Path(scratch), job)
        return _keep(_verified(fetched, runtime, "The download"), kept)


def _keep(source: Path, kept: Path) -> Path:
    if source != kept:
        try:
            with replacing(kept) as temporary:
                shutil.copyfile(source, temporary)
        except OSError as error:
            raise from_os_error(error, kept) from error
    return kept


def _verified(path: Path, runtime: Runtime, what: str) -> Path:
    found = sha256_file(path)
    if found != runtime.sha256:
        raise RuntimeLibraryError(
            f"{what} is not the published {runtime.coordinates}.",
            action="Download it again or give the original file with --aar.",
            details=f"sha256 {found}, expected {runtime.sha256}",
        )
    return path


def _fetch(runtime: Runtime, scratch: Path, job: Job) -> Path:
    from jgo.maven import MavenContext, PythonResolver
    from requests import RequestException

    @contextmanager
    def reported(_: str, total: int) -> Iterator[Any]:
        done = 0

        def update(count: int) -> None:
            nonlocal done
            done += count
            job.progress(min(done, total), total, unit="bytes")

        yield update

    group, artifact, version = runtime.coordinates.split(":")
    job.log(f"Fetching {runtime.coordinates} ({runtime.size_bytes / 1e6:.0f} MB), once.")
    try:
        resolver = PythonResolver(progress_callback=reported)
        context = MavenContext(resolver=resolver, repo_cache=scratch, remote_repos=REPOSITORIES, timeout=30)
        component = context.project(group, artifact).at_version(version)
        return Path(component.artifact(packaging="aar").resolve())
    except Cancelled:
        raise
    except (RequestException, RuntimeError, OSError) as error:
        raise RuntimeLibraryError(
            f"{runtime.coordinates} cannot be downloaded.", action=_OFFLINE, details=f"{type(error).__name__}: {error}"
        ) from error


def libraries(runtime: Runtime, abi: str, archive: Path, *, folder: Path | None = None) -> list[Path]:
    """The shared objects for ``abi``, taken out of a verified AAR once.

    Raises:
        RuntimeLibraryError: The AAR has none for this ABI, or is damaged.
        StorageError: They cannot be written.
    """
    if abi not in runtime.abis:
        raise RuntimeLibraryError(
            f"The Android runtime {runtime.version} has no libraries for {abi}.",
            action=f"It has them for {', '.join(runtime.abis)}.",
        )
    target = (folder or cache()) / runtime.sha256[:16] / abi
    paths = [target / name for name in runtime.libraries]
    try:
        with zipfile.ZipFile(archive) as opened:
            for path in paths:
                _extract(opened, f"jni/{abi}/{path.name}", path)
    except (zipfile.BadZipFile, KeyError, zlib.error, EOFError) as error:
        raise RuntimeLibraryError(
            f"{archive.name} lacks libraries for {abi}.", action="Fetch it again.", details=str(error)
        ) from error
    except OSError as error:
        raise from_os_error(error, target) from error
    return paths


def _extract(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """One member, by its exact name and never by a path that the archive chooses."""
    entry = archive.getinfo(name)
    if entry.file_size > MAX_LIBRARY:
        raise zipfile.BadZipFile(f"{name} declares {entry.file_size} bytes")
    if path.exists() and path.stat().st_size == entry.file_size and _crc(path) == entry.CRC:
        return
    with replacing(path) as temporary, archive.open(entry) as source, temporary.open("wb") as file:
        total = 0
        while part := source.read(_BLOCK):
            total += len(part)
            if total > MAX_LIBRARY:
                raise zipfile.BadZipFile(f"{name} does not end")
            file.write(part)


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while part := file.read(_BLOCK):
            value = zlib.crc32(part, value)
    return value
