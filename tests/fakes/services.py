"""The services of a phone's ADB daemon: shell, shell,v2, exec and sync, over any two-way channel of bytes."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import struct
import subprocess
import threading
from pathlib import Path
from typing import IO, Protocol

from tests.fakes.phone import Phone

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)


class Channel(Protocol):
    """One open stream. ``closed`` is set once the host has closed it or is gone."""

    closed: threading.Event

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes; EOFError when the stream ends before."""

    def write(self, data: bytes) -> None:
        """Send all of it; EOFError when the stream is closed."""

    def end(self) -> None:
        """Close it; wakes whoever reads or writes."""


def known(service: str) -> bool:
    """Whether there is such a service."""
    return service.partition(":")[0].split(",")[0] in ("sync", "shell", "exec")


def serve(service: str, channel: Channel, phone: Phone) -> None:
    """Do what an opened stream asks, to its end."""
    kind, _, rest = service.partition(":")
    if kind == "sync":
        Sync(channel, phone).run()
    elif "v2" in kind.split(","):  # real clients put more words there: shell,v2,TERM=xterm,raw
        _shell_v2(rest, channel, phone)
    else:
        _shell_v1(rest, channel, phone)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the command's shell alone, as adbd does."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, number)


def _shell_v1(command: str, channel: Channel, phone: Phone) -> None:
    """Merged output, no exit code; a host that leaves does not end the command, its pipe does."""
    with phone.start(command, merge=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        watcher = threading.Thread(target=_close_on_leave, args=(channel, process, 0))
        watcher.start()
        try:
            _pump(process.stdout, channel, frame=None)
        except EOFError:
            process.stdout.close()
        finally:
            process.wait()
            channel.end()
            watcher.join()


def _close_on_leave(channel: Channel, process: subprocess.Popen[bytes], number: int) -> None:
    channel.closed.wait()
    if number and process.poll() is None:
        _signal(process, number)


def _pump(source: IO[bytes], channel: Channel, *, frame: int | None) -> None:
    while data := os.read(source.fileno(), 16384):
        channel.write(data if frame is None else struct.pack("<BI", frame, len(data)) + data)


def _pump_quietly(source: IO[bytes], channel: Channel, frame: int) -> None:
    with contextlib.suppress(EOFError):
        _pump(source, channel, frame=frame)


def _feed(channel: Channel, stdin: IO[bytes]) -> None:
    with contextlib.suppress(EOFError, BrokenPipeError, ValueError):
        while True:
            kind, length = struct.unpack("<BI", channel.read(5))
            data = channel.read(length)
            if kind == STDIN:
                stdin.write(data)
                stdin.flush()
            elif kind == CLOSE_STDIN:
                stdin.close()


def _shell_v2(command: str, channel: Channel, phone: Phone) -> None:
    """Separate streams and an exit code; a host that leaves sends SIGHUP to the command."""
    with phone.start(command, merge=False) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        threads = [
            threading.Thread(target=_pump_quietly, args=(process.stdout, channel, STDOUT)),
            threading.Thread(target=_pump_quietly, args=(process.stderr, channel, STDERR)),
        ]
        others = [
            threading.Thread(target=_feed, args=(channel, process.stdin)),
            threading.Thread(target=_close_on_leave, args=(channel, process, signal.SIGHUP)),
        ]
        for thread in threads + others:
            thread.start()
        code = process.wait()
        for thread in threads:
            thread.join()
        with contextlib.suppress(EOFError):
            channel.write(struct.pack("<BIB", EXIT, 1, code if code >= 0 else 128 - code))
        channel.end()
        for thread in others:
            thread.join()


class Sync:
    """The file service, version 1 (AOSP ``SYNC.TXT``)."""

    def __init__(self, channel: Channel, phone: Phone) -> None:
        self.channel = channel
        self.phone = phone

    def run(self) -> None:
        with contextlib.suppress(EOFError):
            while True:
                kind, length = struct.unpack("<4sI", self.channel.read(8))
                if kind == b"QUIT":
                    return
                name = self.channel.read(length).decode()
                {b"STAT": self.stat, b"LIST": self.list, b"SEND": self.send, b"RECV": self.recv}[kind](name)

    def fail(self, text: str) -> None:
        self.channel.write(struct.pack("<4sI", b"FAIL", len(text)) + text.encode())

    def stat(self, name: str) -> None:
        try:
            found = self.phone.path(name).stat()
            fields = (found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))
        except OSError:
            fields = (0, 0, 0)
        self.channel.write(struct.pack("<4s3I", b"STAT", *fields))

    def list(self, name: str) -> None:
        folder = self.phone.path(name)
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            found = path.lstat()
            label = path.name.encode()
            head = struct.pack(
                "<4s4I", b"DENT", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime), len(label)
            )
            self.channel.write(head + label)
        self.channel.write(struct.pack("<4s4I", b"DONE", 0, 0, 0, 0))

    def recv(self, name: str) -> None:
        try:
            with self.phone.path(name).open("rb") as file:
                while data := file.read(65536):
                    self.channel.write(struct.pack("<4sI", b"DATA", len(data)) + data)
        except OSError as error:
            self.fail(f"open failed: {error.strerror}")
            return
        self.channel.write(struct.pack("<4sI", b"DONE", 0))

    def send(self, target: str) -> None:
        """On a failure the rest is read and thrown away, as adbd does."""
        name, _, mode = target.rpartition(",")
        path = self.phone.path(name)
        failure = ""
        try:
            if path.is_symlink() or path.exists():
                path.unlink()
            file: IO[bytes] | None = path.open("wb", buffering=0)
        except OSError as error:
            file, failure = None, f"couldn't create file: {error.strerror}"
            self.fail(failure)
        try:
            failure = self._receive(file, path) or failure
        finally:
            if file:
                file.close()
            self.phone.set_free(self.phone.free)
        if not failure:
            path.chmod(stat.S_IMODE(int(mode)) & 0o777)
            self.channel.write(struct.pack("<4sI", b"OKAY", 0))

    def _receive(self, file: IO[bytes] | None, path: Path) -> str:
        failure = ""
        while True:
            kind, length = struct.unpack("<4sI", self.channel.read(8))
            if kind == b"DONE":
                if file and not failure:
                    os.utime(path, (length, length))  # DONE carries the time instead of a length
                return failure
            assert kind == b"DATA", kind
            assert length <= 65536, length
            data = self.channel.read(length)
            if failure or file is None:
                continue
            if length > self.phone.free:
                failure = "couldn't write: No space left on device"
                self.fail(failure)
                path.unlink(missing_ok=True)
                continue
            self.phone.free -= length
            file.write(data)
