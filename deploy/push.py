"""Files to the phone and back: true progress, cancel, nothing half-written under a final name, nothing pushed twice."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.device import Device
from deploy.errors import CommandError, ConnectionLostError, DeviceFullError
from deploy.job import Job
from deploy.shell import join
from pqv_core.errors import from_os_error
from pqv_core.fsio import replacing, sha256_file

MARGIN = 16 << 20  # space that stays free for the phone itself
_HASH_WORD = 64


@dataclass(frozen=True)
class Item:
    """A file and where it goes; ``target`` is an absolute path on the phone."""

    source: Path
    target: str
    executable: bool = False


@dataclass(frozen=True)
class Pushed:
    """What was done: bytes sent, and the files that were there already."""

    sent_bytes: int
    skipped: tuple[str, ...]


def push(device: Device, items: Sequence[Item], job: Job) -> Pushed:
    """Bring files to the phone, those that are not there yet.

    A file is there when the phone's file has the same size and SHA-256. Each is written beside its place and moved
    there once it is whole.

    Raises:
        StorageError: A file here cannot be read.
        DeviceFullError: Too little space; checked before the first byte is sent.
        DeviceError: The phone refuses or is lost.
        Cancelled: The person asked for the end.
    """
    sizes = [_size(item.source) for item in items]
    present = _present(device, items, sizes)
    missing = [(item, size) for item, size, there in zip(items, sizes, present, strict=True) if not there]
    total = sum(size for _, size in missing)
    free = device.free_bytes() if missing else None
    if free is not None and free < total + MARGIN:
        raise DeviceFullError(needed=total + MARGIN, free=free)
    done = 0
    for item, size in missing:
        _send(device, item, size, done=done, total=total, job=job)
        done += size
    skipped = tuple(item.target for item, there in zip(items, present, strict=True) if there)
    return Pushed(total, skipped)


def pull(device: Device, source: str, target: Path, *, limit: int) -> None:
    """Bring a file of at most ``limit`` bytes from the phone, whole or not at all.

    Raises:
        DeviceError: It is missing or too long, or the phone is lost.
        StorageError: ``target`` cannot be written.
    """
    with replacing(target) as temporary, temporary.open("wb") as file, device.files() as files:
        for part in files.receive(source, limit=limit):
            file.write(part)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise from_os_error(error, path) from error


def _present(device: Device, items: Sequence[Item], sizes: Sequence[int]) -> list[bool]:
    with device.files() as files:
        entries = [files.stat(item.target) for item in items]
    same_size = [entry.mode != 0 and entry.size == size for entry, size in zip(entries, sizes, strict=True)]
    candidates = [item.target for item, same in zip(items, same_size, strict=True) if same]
    hashes = _hashes(device, candidates)
    pairs = zip(items, same_size, strict=True)
    return [same and hashes.get(item.target) == sha256_file(item.source) for item, same in pairs]


def _hashes(device: Device, targets: Sequence[str]) -> dict[str, str]:
    """SHA-256 of files on the phone; empty where it has no such tool."""
    if not targets:
        return {}
    try:
        printed = device.run(join("sha256sum", *targets), "checking the files", silence_s=120)
    except CommandError:
        return {}
    rows = [line.strip().split(None, 1) for line in printed.splitlines()]
    words = [row[0].lower() for row in rows if len(row) == 2 and len(row[0]) == _HASH_WORD]
    return dict(zip(targets, words, strict=True)) if len(words) == len(targets) else {}


def _send(device: Device, item: Item, size: int, *, done: int, total: int, job: Job) -> None:
    temporary = f"{item.target}.{secrets.token_hex(4)}.part"
    try:
        with device.files() as files:
            files.send(
                item.source,
                temporary,
                mode=0o755 if item.executable else 0o644,
                report=lambda count: job.progress(min(done + count, total), total, unit="bytes"),
            )
            arrived = files.stat(temporary).size
    except DeviceFullError:
        device.run(join("rm", "-f", temporary), "removing what was written")
        raise
    if arrived != size & 0xFFFFFFFF:
        raise ConnectionLostError(details=f"{arrived} of {size} bytes arrived")
    device.run(join("mv", "-f", temporary, item.target), "moving the file into place")
