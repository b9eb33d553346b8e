"""The libraries of the runtimes for Android, from the published archives, which are fetched once and verified."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import platformdirs

from deploy import APP
from deploy.errors import RuntimeLibraryError
from deploy.job import Job
from deploy.kit import fetching
from pqv_core.errors import from_os_error
from pqv_core.files.fsio import replacing, sha256_file
from pqv_core.formats import FORMATS
from pqv_core.formats.base import Archive, Runtime

MAX_LIBRARY = 512 << 20
_MAX_MEMBERS = 100_000
_BLOCK = 1 << 20
_SUM = ".sha256"
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, KeyError, zlib.error, EOFError)


def cache() -> Path:
    """Where fetched runtimes are kept."""
    return platformdirs.user_cache_path(APP, appauthor=False) / "runtimes"


def is_fetched(runtime: Runtime) -> bool:
    """Whether nothing of it has to be fetched any more, as far as names tell."""
    return all(_kept(archive, cache()).exists() for archive in runtime.archives)


def archives(runtime: Runtime, job: Job, *, given: Sequence[Path] = (), folder: Path | None = None) -> tuple[Path, ...]:
    """The runtime's archives, verified, in their order; those that are not there yet are fetched.

    Args:
        given: Files to take instead of fetching them; those of other runtimes are passed over.
        folder: Where they are kept; the user's cache when None.

    Raises:
        RuntimeLibraryError: Some cannot be had, or have another SHA-256 than expected; all of them are named.
        StorageError: They cannot be read or written.
        Cancelled: The person asked for the end.
    """
    place = folder or cache()
    ours = _recognized(runtime, given)
    found, missing = [], []
    for archive in runtime.archives:
        try:
            found.append(_archive(archive, job, ours.get(archive.sha256), place))
        except RuntimeLibraryError as error:
            missing.append(error)
    if missing:
        raise together(missing)
    return tuple(found)


def _recognized(runtime: Runtime, given: Sequence[Path]) -> dict[str, Path]:
    """The given files by their SHA-256, each of them an archive of a runtime that is known."""
    files = {sha256_file(path): path for path in given}
    others = [info.runtime(version) for info in FORMATS.values() for version in info.runtimes()] if files else []
    known = {archive.sha256 for item in (runtime, *others) for archive in item.archives}
    for digest, path in files.items():
        if digest not in known:
            names = " or ".join(archive.coordinates for archive in runtime.archives)
            raise RuntimeLibraryError(
                f"{path.name} is not the published {names}.",
                action="Download it again or give the original file with --file.",
                details=f"sha256 {digest}, expected {' or '.join(archive.sha256 for archive in runtime.archives)}",
            )
    return files


def together(missing: Sequence[RuntimeLibraryError]) -> RuntimeLibraryError:
    """One error that says all of several."""
    return RuntimeLibraryError(
        " ".join(error.message for error in missing),
        action=" ".join(dict.fromkeys(error.action for error in missing)),
        details="\n".join(error.details for error in missing if error.details),
    )


def _kept(archive: Archive, place: Path) -> Path:
    return place / f"{archive.sha256}{archive.suffix}"


def _archive(archive: Archive, job: Job, given: Path | None, place: Path) -> Path:
    kept = _kept(archive, place)
    if given is not None:
        return _keep(given, kept)
    if kept.exists() and sha256_file(kept) == archive.sha256:
        return kept
    with tempfile.TemporaryDirectory(prefix="pqv-runtime-") as scratch:
        fetched = fetching.fetch(archive, Path(scratch), job)
        found = sha256_file(fetched)
        if found != archive.sha256:
            raise RuntimeLibraryError(
                f"The download is not the published {archive.coordinates}.",
                action="Download it again or give the original file with --file.",
                details=f"sha256 {found}, expected {archive.sha256}",
            )
        return _keep(fetched, kept)


def _keep(source: Path, kept: Path) -> Path:
    if source != kept:
        try:
            with replacing(kept) as temporary:
                shutil.copyfile(source, temporary)
        except OSError as error:
            raise from_os_error(error, kept) from error
    return kept


def libraries(runtime: Runtime, abi: str, found: Sequence[Path], *, folder: Path | None = None) -> list[Path]:
    """The shared objects for ``abi``, taken out of verified archives once.

    Args:
        found: The runtime's archives, in their order.

    Raises:
        RuntimeLibraryError: They have none for this ABI, or are damaged.
        StorageError: They cannot be written.
    """
    if abi not in runtime.abis:
        raise RuntimeLibraryError(
            f"The Android runtime {runtime.version} has no libraries for {abi}.",
            action=f"It has them for {', '.join(runtime.abis)}.",
        )
    together = hashlib.sha256("".join(archive.sha256 for archive in runtime.archives).encode()).hexdigest()
    target = (folder or cache()) / together[:16] / abi
    paths = []
    for archive, path in zip(runtime.archives, found, strict=True):
        for name, member in archive.libraries.items():
            paths.append(target / name)
            _extract(path, member.replace("{abi}", abi), paths[-1], abi)
    return paths


def _extract(archive: Path, member: str, path: Path, abi: str) -> None:
    """One member, by its exact name and never by a path that the archive chooses."""
    told = path.with_name(path.name + _SUM)
    try:
        if path.exists() and told.exists() and told.read_text(encoding="ascii", errors="replace") == sha256_file(path):
            return
        with replacing(path) as temporary, _opened(archive, member) as source, temporary.open("wb") as file:
            total = 0
            while part := source.read(_BLOCK):
                total += len(part)
                if total > MAX_LIBRARY:
                    raise zipfile.BadZipFile(f"{member} does not end")
                file.write(part)
        with replacing(told) as temporary:
            temporary.write_text(sha256_file(path), encoding="ascii")
    except _BROKEN as error:
        raise RuntimeLibraryError(
            f"{archive.name} lacks libraries for {abi}.", action="Fetch it again.", details=str(error)
        ) from error
    except OSError as error:
        raise from_os_error(error, path) from error


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """A member, to be read.

    Raises:
        KeyError: There is none, or it is no file.
    """
    if archive.suffix == ".aar":
        with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
            yield source
        return
    with tarfile.open(archive, mode="r|gz") as tape:
        for entry in itertools.islice(tape, _MAX_MEMBERS):
            if entry.name == member and entry.isfile() and (file := tape.extractfile(entry)) is not None:
                yield file
                return
    raise KeyError(f"There is no {member}")
