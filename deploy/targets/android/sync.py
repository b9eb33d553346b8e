"""ADB's file service, version 1 (AOSP ``packages/modules/adb/SYNC.TXT``), over any ``Stream``."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from deploy.errors import CommandError, ConnectionLostError, DeviceFullError, ProtocolError
from deploy.targets.android.transports.base import IDLE_S, Link, Stream
from pqv_core.errors import from_os_error

CHUNK = 64 * 1024  # the largest DATA that a phone takes
_BATCH = 16  # chunks handed to the transport at once
_HEAD = struct.Struct("<4sI")
_MAX_NAME = 1024
_MAX_ENTRIES = 100_000
_WRITING_S = 60.0  # for the last of a large file to reach the phone's storage

Report = Callable[[int], None]


@dataclass(frozen=True)
class RemoteFile:
    """A file or folder on the phone. ``mode`` 0 means that there is none; ``size`` is modulo 2³²."""

    name: str
    mode: int
    size: int
    time: int

    def may_hold(self, size: int) -> bool:
        """Whether it may have ``size`` bytes, of which only the remainder is told."""
        return self.size == size & 0xFFFFFFFF


class Sync:
    """One ``sync:`` stream. After an error it is closed and not used again."""

    def __init__(self, link: Link) -> None:
        self._stream: Stream = link.open("sync:")
        self._buffer = bytearray()

    def __enter__(self) -> Sync:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def stat(self, path: str) -> RemoteFile:
        """Facts of a path; ``mode`` 0 when there is none."""
        self._ask(b"STAT", path)
        kind, mode, size, time = struct.unpack("<4s3I", self._exactly(16))
        if kind != b"STAT":
            raise ProtocolError(f"sync answered {kind!r} to STAT")
        return RemoteFile(path, mode, size, time)

    def list(self, path: str) -> list[RemoteFile]:
        """What is in a folder, without ``.`` and ``..``; empty when there is no such folder."""
        self._ask(b"LIST", path)
        found: list[RemoteFile] = []
        while True:
            kind, mode, size, time, length = struct.unpack("<4s4I", self._exactly(20))
            if kind == b"DONE":
                return found
            if kind != b"DENT" or length > _MAX_NAME or len(found) >= _MAX_ENTRIES:
                raise ProtocolError(f"sync answered {kind!r} of {length} bytes to LIST")
            name = self._exactly(length).decode("utf-8", "replace")
            if name not in (".", ".."):
                found.append(RemoteFile(name, mode, size, time))

    def send(self, source: Path, target: str, *, mode: int, report: Report) -> int:
        """Copy a file to the phone; ``report`` is given the number of bytes handed over so far.

        Returns:
            Number of bytes sent.

        Raises:
            StorageError: ``source`` cannot be read.
            DeviceFullError: The phone has no space left.
            CommandError: The phone refuses for another reason.
            ConnectionLostError: The connection broke.
        """
        try:
            size = source.stat().st_size
            time = int(source.stat().st_mtime)
            self._ask(b"SEND", f"{target},{0o100000 | mode}")
            sent = self._send_content(source, size, report)
            self._stream.write(_HEAD.pack(b"DONE", time & 0xFFFFFFFF))
        except ConnectionLostError:
            self._refusal_behind(needed=size)
            raise
        except OSError as error:
            raise from_os_error(error, source) from error
        self._outcome(needed=size)
        return sent

    def receive(self, source: str, *, limit: int) -> Iterator[bytes]:
        """The content of a file on the phone, piece by piece.

        Raises:
            CommandError: There is no such file.
            ProtocolError: It is longer than ``limit`` bytes.
        """
        self._ask(b"RECV", source)
        total = 0
        while True:
            kind, length = _HEAD.unpack(self._exactly(8))
            if kind == b"DONE":
                return
            if kind == b"FAIL":
                raise CommandError(f"reading {source}", output=self._text(length))
            total += length
            if kind != b"DATA" or length > CHUNK or total > limit:
                raise ProtocolError(f"sync answered {kind!r} of {length} bytes to RECV")
            yield self._exactly(length)

    def _send_content(self, source: Path, size: int, report: Report) -> int:
        """Reads straight into a buffer in which each chunk's header has its place; the number of bytes read."""
        buffer, done = bytearray(_BATCH * (8 + CHUNK)), 0
        with source.open("rb", buffering=0) as file, memoryview(buffer) as view:
            while filled := _fill(buffer, view, file):
                content, end = filled
                self._stream.write(view[:end])
                if self._stream.waiting():
                    self._outcome(needed=size)
                    raise ProtocolError("sync answered before the end of a file")
                done += content
                report(done)
        return done

    def _outcome(self, *, needed: int) -> None:
        kind, length = _HEAD.unpack(self._exactly(8, within=_WRITING_S))
        if kind == b"FAIL":
            text = self._text(length)
            if "no space" in text.lower() or "enospc" in text.lower():
                raise DeviceFullError(needed=needed)
            raise CommandError("writing the file", output=text)
        if kind != b"OKAY":
            raise ProtocolError(f"sync answered {kind!r} to SEND")

    def _refusal_behind(self, *, needed: int) -> None:
        """A refusal that came before the connection was closed says more than its closing."""
        if self._stream.waiting():
            try:
                self._outcome(needed=needed)
            except (ConnectionLostError, ProtocolError):
                return

    def _ask(self, kind: bytes, path: str) -> None:
        name = path.encode()
        if len(name) > _MAX_NAME:
            raise CommandError(f"using {path[:80]}…", output="the name is too long")
        self._stream.write(_HEAD.pack(kind, len(name)) + name)

    def _text(self, length: int) -> str:
        if length > CHUNK:
            raise ProtocolError(f"sync claims a message of {length} bytes")
        return self._exactly(length).decode("utf-8", "replace")

    def _exactly(self, count: int, *, within: float = IDLE_S) -> bytes:
        deadline = time.monotonic() + within
        while len(self._buffer) < count:
            part = self._stream.read(CHUNK, timeout=max(0.0, deadline - time.monotonic()))
            if not part:
                raise ConnectionLostError(details="the phone closed the file service")
            self._buffer += part
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def _fill(buffer: bytearray, view: memoryview, file: FileIO) -> tuple[int, int] | None:
    """Read as many chunks as fit, each behind its header.

    Returns:
        Bytes of the file, and bytes with the headers; None at the end of the file.
    """
    content = filled = 0
    for _ in range(_BATCH):
        count = file.readinto(view[filled + 8 : filled + 8 + CHUNK])
        if not count:
            break
        _HEAD.pack_into(buffer, filled, b"DATA", count)
        content, filled = content + count, filled + 8 + count
    return (content, filled) if filled else None
