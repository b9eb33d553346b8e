"""Files to the phone and back: true progress, cancel, nothing half-written under a final name, nothing pushed twice."""

from __future__ import annotations

import hashlib
import platform
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.device.shell import MARGIN, Pushed, PushItem
from deploy.errors import CommandError, ConnectionLostError, DeviceFullError
from deploy.job import Job
from deploy.targets.android.commands import Running, join
from deploy.targets.android.connection import AdbConnection
from deploy.targets.android.sync import RemoteFile, Sync
from pqv_core.errors import StorageError, from_os_error
from pqv_core.files.fsio import replacing, sha256_json

NOTE = ".pushed"
_SETTLED_NS = 2_000_000_000  # a file changed so shortly ago may change again without its time showing it
_HASHING_S = 120.0
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Source:
    """A file here. ``version`` changes with its content; empty where that cannot be told from its times yet."""

    size: int
    version: str


def push(device: AdbConnection, items: Sequence[PushItem], job: Job, *, free: int | None = None) -> Pushed:
    """Bring files to the phone, those that are not there yet.

    What is there was pushed from the same, unchanged file, which was noted beside it, or has the same SHA-256, which
    the phone is asked for. Each file is written beside its place; all are moved there once they are whole.

    Args:
        free: Bytes that are free on the phone, where that is known; it is asked otherwise.

    Raises:
        StorageError: A file here cannot be read, or changes meanwhile.
        DeviceFullError: Too little space; checked before the first byte is sent.
        DeviceError: The phone refuses or is lost.
        Cancelled: The person asked for the end.
    """
    sources = [_source(item.source) for item in items]
    folders = dict.fromkeys(item.target.rpartition("/")[0] for item in items)
    device.run(join("mkdir", "-p", *folders), "making a folder")
    with device.files() as files:
        entries = [files.stat(item.target) for item in items]
        there = _there(device, items, sources, entries=entries, job=job)
        missing = [(item, source) for item, source in zip(items, sources, strict=True) if not there[item.target]]
        total = sum(source.size for _, source in missing)
        free = device.free_bytes() if missing and free is None else free
        if missing and free is not None and free < total + MARGIN:
            raise DeviceFullError(needed=total + MARGIN, free=free)
        moves = _send(device, files, missing, total=total, job=job)
    if moves:
        device.run(" && ".join(moves), "moving files into place", silence_s=_HASHING_S)
    return Pushed(total, tuple(target for target, known in there.items() if known))


def pull(device: AdbConnection, source: str, target: Path, *, limit: int) -> None:
    """Bring a file of at most ``limit`` bytes from the phone, whole or not at all.

    Raises:
        DeviceError: It is missing or too long, or the phone is lost.
        StorageError: ``target`` cannot be written.
    """
    with replacing(target) as temporary, temporary.open("wb") as file, device.files() as files:
        for part in files.receive(source, limit=limit):
            file.write(part)


def _source(path: Path) -> _Source:
    try:
        found = path.stat()
        where = str(path.resolve())
    except OSError as error:
        raise from_os_error(error, path) from error
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < _SETTLED_NS:
        return _Source(found.st_size, "")
    facts = [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
    return _Source(found.st_size, sha256_json([platform.node(), where, *facts]))


def _there(
    device: AdbConnection,
    items: Sequence[PushItem],
    sources: Sequence[_Source],
    *,
    entries: Sequence[RemoteFile],
    job: Job,
) -> dict[str, bool]:
    """Which targets need no push."""
    there = dict.fromkeys((item.target for item in items), False)
    rows = [row for row in zip(items, sources, entries, strict=True) if row[2].mode and row[2].may_hold(row[1].size)]
    notes = _notes(device, [item.target for item, _, _ in rows]) if rows else []
    for (item, source, entry), note in zip(rows, notes, strict=True):
        there[item.target] = bool(source.version) and note == f"{source.version} {entry.time}"
    if doubtful := [item for item, _, _ in rows if not there[item.target]]:
        there.update(_compared(device, doubtful, job))
    return there


def _notes(device: AdbConnection, targets: Sequence[str]) -> list[str]:
    """What was noted beside each file when it was pushed: the version of its source, and the time it has had since."""
    command = "".join(f'n=; read -r n < {join(target + NOTE)}; echo "$n"; ' for target in targets)
    lines = device.run(f"({command}) 2>/dev/null", "looking at what is there").split("\n")
    return [line.strip() for line in lines] if len(lines) == len(targets) else [""] * len(targets)


def _compared(device: AdbConnection, items: Sequence[PushItem], job: Job) -> dict[str, bool]:
    """Whether the SHA-256 of each target is that of its source; phone and computer reckon at the same time."""
    command = "; ".join(f'echo "$(sha256sum < {join(item.target)})"' for item in items)
    with Running(device.link, f"({command}) 2>/dev/null", silence_s=_HASHING_S) as running:
        ours = [_sha256(item.source, job) for item in items]
        theirs = [line[:64] for line in running.lines()]
    same = [own == found for own, found in zip(ours, theirs, strict=False)]
    return {item.target: known for item, known in zip(items, same, strict=False)}


def _sha256(path: Path, job: Job) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while part := file.read(_BLOCK):
                job.check()
                digest.update(part)
    except OSError as error:
        raise from_os_error(error, path) from error
    return digest.hexdigest()


def _send(
    device: AdbConnection, files: Sync, missing: Sequence[tuple[PushItem, _Source]], *, total: int, job: Job
) -> list[str]:
    """Write the files beside their places; the commands that move them there."""
    done, begun, moves = 0, list[str](), list[str]()
    try:
        for item, source in missing:
            begun.append(f"{item.target}.{secrets.token_hex(4)}.part")
            moves += _send_one(files, item, source, begun[-1], done=done, total=total, job=job)
            done += source.size
    except (DeviceFullError, CommandError):
        device.run(join("rm", "-f", *begun), "removing what was written")
        raise
    return moves


def _send_one(
    files: Sync, item: PushItem, source: _Source, temporary: str, *, done: int, total: int, job: Job
) -> list[str]:
    sent = files.send(
        item.source,
        temporary,
        mode=0o755 if item.executable else 0o644,
        report=lambda count: job.progress(min(done + count, total), total, unit="bytes"),
    )
    arrived = files.stat(temporary)
    if not arrived.may_hold(sent):
        raise ConnectionLostError(details=f"{arrived.size} of {sent} bytes arrived")
    same = _source(item.source)
    if sent != source.size or same.size != source.size:
        raise StorageError(f"{item.source.name} changed while it was sent.", action="Run again.")
    note = join(item.target + NOTE)
    moves = [f": > {note}", join("mv", "-f", temporary, item.target)]
    if source.version and same.version == source.version:
        moves.append(f"{join('echo', f'{source.version} {arrived.time}')} > {note}")
    leftover = f'for f in {join(item.target)}.*.part; do if [ -e "$f" ]; then rm -f "$f"; fi; done'
    return [*moves, leftover]
