"""Files to the phone and back: true progress, cancel, nothing half-written under a final name, nothing pushed twice."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.device import Device
from deploy.errors import ConnectionLostError, DeviceFullError
from deploy.job import Job
from deploy.shell import join
from pqv_core.errors import from_os_error
from pqv_core.fsio import replacing, sha256_file

MARGIN = 16 << 20  # space that stays free for the phone itself
NOTE = ".sha256"


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

    A file is there when size and time are those of a push of the same SHA-256, which was noted beside it. Each is
    written beside its place and moved there once it is whole.

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
    if not any(same_size):
        return same_size
    notes = _notes(device, [item.target for item in items])
    return [
        same and note == f"{sha256_file(item.source)} {entry.time}"
        for item, entry, same, note in zip(items, entries, same_size, notes, strict=True)
    ]


def _notes(device: Device, targets: Sequence[str]) -> list[str]:
    """What was noted beside each file when it was pushed: its SHA-256, and the time it has had since."""
    command = "; ".join(f'echo "$({join("head", "-c", "100", target + NOTE)})"' for target in targets)
    lines = device.run(f"({command}) 2>/dev/null", "looking at what is there").split("\n")
    return [line.strip() for line in lines] if len(lines) == len(targets) else [""] * len(targets)


def _send(device: Device, item: Item, size: int, *, done: int, total: int, job: Job) -> None:
    temporary = f"{item.target}.{secrets.token_hex(4)}.part"
    try:
        with device.files() as files:
            digest = files.send(
                item.source,
                temporary,
                mode=0o755 if item.executable else 0o644,
                report=lambda count: job.progress(min(done + count, total), total, unit="bytes"),
            )
            arrived = files.stat(temporary)
    except DeviceFullError:
        device.run(join("rm", "-f", temporary), "removing what was written")
        raise
    if arrived.size != size & 0xFFFFFFFF:
        raise ConnectionLostError(details=f"{arrived.size} of {size} bytes arrived")
    note = join("echo", f"{digest} {arrived.time}")
    device.run(
        f"{join('rm', '-f', item.target + NOTE)}; {join('mv', '-f', temporary, item.target)} "
        f"&& {note} > {join(item.target + NOTE)}",
        "moving the file into place",
    )
