"""The ADB daemon of a phone, on a TCP port of this computer, with faults on demand.

It speaks CNXN, AUTH, OPEN, OKAY, WRTE and CLSE as AOSP's adbd does, so that both Debian's ``adb`` and adb-shell take it
for a phone; ``tests/e2e/test_adbd_against_adb.py`` proves it against the former.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, Self

from tests.fakes import wire
from tests.fakes.phone import Phone
from tests.fakes.services import known, serve

MAX_DATA = 1 << 20


@dataclass
class Faults:
    """What goes wrong. All may be changed while the daemon runs.

    Attributes:
        auth: ``none`` lets everybody in; ``accept``: the person taps Allow at once; ``late``: only when
            ``Adbd.allow`` is called; ``never``: does not look at the phone.
        offline: Takes connections and does not answer.
        cut_after: Cuts the cable once this many bytes came from the host.
        cut_sent: Cuts the cable once this many bytes went to the host.
        max_data: Largest payload taken; 4096 was that of old phones.
        small_buffers: The kernel takes little at once.
        max_write: Largest payload sent.
        delay: Seconds of silence before each packet is sent.
        garbage: Sends bytes that are no packet, in place of the n-th packet.
        wrong_sum: Sends a wrong checksum with the n-th packet.
        features: Those announced; without ``shell_v2`` the phone is an old one.
        version: Of the protocol; old phones send and want payload sums.
    """

    auth: Literal["none", "accept", "late", "never"] = "none"
    offline: bool = False
    cut_after: int | None = None
    cut_sent: int | None = None
    max_data: int = MAX_DATA
    small_buffers: bool = False
    max_write: int = 65536
    delay: float = 0.0
    garbage: int | None = None
    wrong_sum: int | None = None
    features: str = "shell_v2,cmd"
    version: int = wire.NEW_VERSION


class Stream:
    """One open service; a ``services.Channel``."""

    def __init__(self, connection: Connection, local: int, remote: int) -> None:
        self.connection, self.local, self.remote = connection, local, remote
        self.closed = threading.Event()
        self._chunks: deque[memoryview] = deque()
        self._owed = 0
        self._ready = threading.Condition()
        self._acknowledged = threading.Semaphore(0)
        self._writing = threading.Lock()
        self.thread: threading.Thread | None = None

    def arrived(self, data: memoryview) -> None:
        with self._ready:
            self._chunks.append(data)
            self._owed += 1
            self._ready.notify()

    def acknowledged(self) -> None:
        self._acknowledged.release()

    def end(self) -> None:
        self.closed.set()
        self._acknowledged.release()
        with self._ready:
            self._ready.notify()

    def read(self, count: int) -> bytes:
        parts: list[memoryview] = []
        while count:
            with self._ready:
                self._ready.wait_for(lambda: self._chunks or self.closed.is_set())
                if not self._chunks:
                    raise EOFError
                chunk = self._chunks[0]
                part, rest = chunk[:count], chunk[count:]
                if rest:
                    self._chunks[0] = rest
                else:
                    self._chunks.popleft()
                owed = self._owed if not self._chunks else 0
                self._owed -= owed
            for _ in range(owed):
                self.connection.send(wire.Packet(b"OKAY", self.local, self.remote))
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        size = min(self.connection.max_data, self.connection.daemon.faults.max_write)
        with self._writing:
            for start in range(0, len(data), size):
                if self.closed.is_set():
                    raise EOFError
                part = data[start : start + size]
                self.connection.send(wire.Packet(b"WRTE", self.local, self.remote, part))
                self._acknowledged.acquire()
            if self.closed.is_set():
                raise EOFError


class Connection:
    """One host that is connected."""

    def __init__(self, daemon: Adbd, sock: socket.socket) -> None:
        self.daemon, self.socket = daemon, sock
        self.version = wire.OLD_VERSION
        self.max_data = 4096
        self.streams: dict[int, Stream] = {}
        self.ready = False
        self.thread = threading.Thread(target=self._run)
        self._token = b""
        self._next = 1
        self._sent = 0
        self._sending = threading.Lock()
        self._threads: list[threading.Thread] = []

    def send(self, packet: wire.Packet) -> None:
        faults = self.daemon.faults
        if faults.delay:
            self.daemon.stopped.wait(faults.delay)
        with self._sending:
            self._sent += 1
            header = packet.pack(with_sum=self.version < wire.NEW_VERSION)
            if faults.garbage == self._sent:
                header, packet = os.urandom(24), wire.Packet(b"", 0, 0, os.urandom(40))
            elif faults.wrong_sum == self._sent:
                header = header[:16] + struct.pack("<I", 0x01020304) + header[20:]
            allowed = self.daemon.may_send(len(header) + len(packet.data))
            try:
                self.socket.sendall(header[:allowed])
                if len(packet.data):
                    self.socket.sendall(packet.data[: max(0, allowed - len(header))])
            except OSError:
                self.cut()
            if allowed < len(header) + len(packet.data):
                self.cut()

    def cut(self) -> None:
        """The cable is pulled."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        for stream in list(self.streams.values()):
            stream.end()

    def _run(self) -> None:
        with contextlib.suppress(EOFError, OSError, ValueError):
            while True:
                command, arg0, arg1, length, total = wire.unpack(self._receive(24))
                data = self._receive(length)
                if self.version < wire.NEW_VERSION and command != b"CNXN" and wire.checksum(data) != total:
                    raise ValueError("wrong checksum")
                self._handle(command, arg0, arg1, memoryview(data))
        self.cut()
        for thread in self._threads:
            thread.join()
        self.socket.close()
        self.daemon.gone(self)

    def _receive(self, count: int) -> bytearray:
        buffer = bytearray(count)
        view = memoryview(buffer)
        while view:
            limit = self.daemon.still_allowed(len(view))
            got = self.socket.recv_into(view[:limit]) if limit else 0
            if not got:
                raise EOFError
            self.daemon.received += got
            view = view[got:]
        return buffer

    def _handle(self, command: bytes, arg0: int, arg1: int, data: memoryview) -> None:
        if self.daemon.faults.offline:
            return
        if command == b"CNXN":
            self.version = min(arg0, self.daemon.faults.version)
            self.max_data = min(arg1, MAX_DATA)
            self._greet() if self.daemon.faults.auth == "none" else self._challenge()
        elif command == b"AUTH":
            self._authorise(arg0, bytes(data))
        elif not self.ready:
            raise ValueError("not authorised")
        elif command == b"OPEN":
            self._open(arg0, bytes(data).rstrip(b"\0").decode())
        elif stream := self.streams.get(arg1):
            if command == b"WRTE":
                stream.arrived(data)
            elif command == b"OKAY":
                stream.acknowledged()
            elif command == b"CLSE":
                stream.end()

    def _greet(self) -> None:
        self.ready = True
        names = ("ro.product.name", "ro.product.model", "ro.product.device")
        facts = "".join(f"{name}={self.daemon.phone.properties[name]};" for name in names)
        banner = f"device::{facts}features={self.daemon.faults.features}".encode()
        self.send(wire.Packet(b"CNXN", self.version, self.daemon.faults.max_data, banner))

    def _challenge(self) -> None:
        self._token = os.urandom(20)
        self.send(wire.Packet(b"AUTH", wire.TOKEN, 0, self._token))

    def _authorise(self, kind: int, data: bytes) -> None:
        if kind == wire.SIGNATURE:
            known = any(key.signed(self._token, data) for key in self.daemon.known)
            self._greet() if known else self._challenge()
        elif kind == wire.RSA_PUBLIC_KEY:
            key = wire.PublicKey.parse(data)
            self.daemon.asked.set()
            if self.daemon.faults.auth == "accept":
                self.allow(key)
            else:
                self.daemon.waiting.append((self, key))

    def allow(self, key: wire.PublicKey) -> None:
        """The person taps Allow, with "always" ticked."""
        self.daemon.known.append(key)
        self._greet()

    def _open(self, remote: int, service: str) -> None:
        self.daemon.opened.append(service)
        stream = Stream(self, self._next, remote)
        self._next += 1
        self.streams[stream.local] = stream
        stream.thread = threading.Thread(target=self._serve, args=(stream, service))
        self._threads = [thread for thread in self._threads if thread.is_alive()] + [stream.thread]
        stream.thread.start()

    def _serve(self, stream: Stream, service: str) -> None:
        found = known(service)
        if found:
            self.send(wire.Packet(b"OKAY", stream.local, stream.remote))
            with contextlib.suppress(EOFError):
                serve(service, stream, self.daemon.phone)
        self.send(wire.Packet(b"CLSE", stream.local if found else 0, stream.remote))
        stream.end()
        self.streams.pop(stream.local, None)


@dataclass
class Adbd:
    """Listens while the ``with`` block lasts; afterwards no thread, process or socket is left."""

    phone: Phone
    faults: Faults = field(default_factory=Faults)
    known: list[wire.PublicKey] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    received: int = 0
    sent: int = 0

    def __enter__(self) -> Self:
        self.stopped = threading.Event()
        self.asked = threading.Event()
        self.waiting: list[tuple[Connection, wire.PublicKey]] = []
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self.port = 0
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with self._lock:
            connections = list(self._connections)
        self.shut_down()
        self.phone.kill_all()
        for connection in connections:
            connection.thread.join()

    @property
    def address(self) -> str:
        """What ``adb connect`` takes, and the serial that adb makes of it."""
        return f"127.0.0.1:{self.port}"

    def boot(self) -> None:
        """Begin to listen, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        if self.faults.small_buffers:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, args=(self._listener,))
        self._thread.start()

    def shut_down(self) -> None:
        """All connections are cut and none is taken any more (as while rebooting)."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.cut()

    def cut(self) -> None:
        """Pull the cable of everybody."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.cut()

    def allow(self) -> None:
        """The person looks at the phone at last and taps Allow."""
        while self.waiting:
            connection, key = self.waiting.pop()
            connection.allow(key)

    def gone(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)

    def still_allowed(self, wanted: int) -> int:
        """How many of the wanted bytes may still come before the cable is cut."""
        limit = self.faults.cut_after
        return wanted if limit is None else max(0, min(wanted, limit - self.received))

    def may_send(self, wanted: int) -> int:
        """How many of the bytes of a packet still go before the cable is cut; they are counted as sent."""
        limit = self.faults.cut_sent
        allowed = wanted if limit is None else max(0, min(wanted, limit - self.sent))
        with self._lock:
            self.sent += allowed
        return allowed

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock)
            with self._lock:
                self._connections.add(connection)
            connection.thread.start()
