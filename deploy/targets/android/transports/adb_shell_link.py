"""The one module that touches the adb-shell package; made for its 0.4.4.

Taken from it: the handshake with RSA authentication, the packet store that sorts streams, and USB by libusb.
Put right here: payload sums only for phones that look at them (version 0x01000000 of the protocol), and those at
memory speed; a bound on what a packet may claim, early answers while writing, the phone's features, and one tree of
errors.
"""

from __future__ import annotations

import base64
import contextlib
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from adb_shell import constants, exceptions
from adb_shell.adb_device import AdbDevice, _AdbIOManager
from adb_shell.adb_message import AdbMessage, unpack
from adb_shell.auth import keygen
from adb_shell.auth.sign_cryptography import CryptographySigner
from adb_shell.hidden_helpers import _AdbPacketStore, _AdbTransactionInfo
from adb_shell.transport.base_transport import BaseTransport
from cryptography.hazmat.primitives import serialization

from deploy.device.shell import Check
from deploy.errors import (
    ConnectionLostError,
    NoAnswerError,
    OfflineError,
    PairingError,
    ProtocolError,
    UnauthorizedError,
)
from deploy.targets.android.transports.base import IDLE_S, Kind, Link, Stream

__all__ = ["AdbShellLink", "BaseTransport", "Signer", "generate_key", "public_key"]

HANDSHAKE_S = 10.0
PERSON_S = 60.0  # how long a person may take to unlock the phone and tap Allow
_UNSUMMED = 0x01000001  # from this version of the protocol on, nobody takes or looks at payload sums
_STLS = b"STLS"
_MAX_STRAY = 64 << 20  # bytes that are kept for streams that nobody reads just then


class Signer(CryptographySigner):  # type: ignore[misc]
    """Signs a phone's challenges with the private key in ``path``; needs no public key file beside it."""

    def __init__(self, path: Path, public: str) -> None:
        self.public_key = public
        # Whether a key that only its owner can write is a sound one would cost 50 ms at every connection.
        self.rsa_key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)


def byte_sum(data: bytes | bytearray | memoryview) -> int:
    """The protocol's checksum: the sum of all bytes, modulo 2³²."""
    return int(np.frombuffer(data, np.uint8).sum(dtype=np.uint32)) if len(data) else 0


def generate_key(path: Path) -> None:
    """Write a new private key to ``path``, which exists with its final permissions, and ``path``.pub."""
    keygen.keygen(str(path))


def public_key(path: Path) -> str:
    """The public half of a private key, in adb's own format."""
    return base64.b64encode(keygen.encode_pubkey(str(path))).decode() + str(keygen.get_user_info())


class _Store(_AdbPacketStore):  # type: ignore[misc]
    """Keeps packets for other streams than the one that is read, within bounds."""

    def __init__(self) -> None:
        super().__init__()
        self._left = _MAX_STRAY

    def put(self, arg0: int, arg1: int, cmd: bytes, data: bytes) -> None:
        if cmd == constants.CLSE and arg0 not in self._dict.get(arg1, {}):
            return  # nothing is kept of a stream whose end is all that is heard of it
        self._left -= _room(data)
        if self._left < 0:
            raise exceptions.InvalidCommandError("more packets than can be kept for streams that nobody reads")
        super().put(arg0, arg1, cmd, data)

    def get(self, arg0: int | None, arg1: int | None) -> tuple[bytes, int, int, bytes]:
        packet: tuple[bytes, int, int, bytes] = super().get(arg0, arg1)
        self._left += _room(packet[3])
        return packet

    def clear(self, arg0: int, arg1: int) -> None:
        waiting = self._dict.get(arg1, {}).get(arg0)
        while waiting and not waiting.empty():
            self._left += _room(waiting.get_nowait()[1])
        super().clear(arg0, arg1)


def _room(data: bytes) -> int:
    """What a packet with this payload takes."""
    return len(data) + int(constants.MESSAGE_SIZE)


class _Io(_AdbIOManager):  # type: ignore[misc]
    """Packets in and out."""

    features: frozenset[str] = frozenset()
    version: int | None = None  # of the protocol; None until the phone has said its own

    def __init__(self, transport: BaseTransport) -> None:
        super().__init__(transport)
        self._packet_store = _Store()

    def _send(self, msg: Any, adb_info: Any) -> None:
        data = msg.data
        if msg.command == constants.ID_TO_WIRE[constants.CNXN]:
            self.version, msg.arg0 = None, _UNSUMMED
        total = byte_sum(data) if self.version is None or self.version < _UNSUMMED else 0
        header = struct.pack(constants.MESSAGE_FORMAT, msg.command, msg.arg0, msg.arg1, len(data), total, msg.magic)
        self._transport.bulk_write(header, adb_info.transport_timeout_s)
        if len(data):
            self._transport.bulk_write(data, adb_info.transport_timeout_s)

    def _read_packet_from_device(self, adb_info: Any) -> tuple[bytes, int, int, bytes]:
        header = self._read_bytes_from_device(constants.MESSAGE_SIZE, adb_info)
        wire, arg0, arg1, length, total = unpack(header)
        command = constants.WIRE_TO_ID.get(wire)
        if header[:4] == _STLS:
            raise exceptions.InvalidCommandError("the phone wants TLS (STLS)")
        if not command or length > constants.MAX_ADB_DATA:
            raise exceptions.InvalidCommandError(f"no ADB packet: {header!r}")
        data = self._read_bytes_from_device(length, adb_info) if length else b""
        if not self._may_be(total, data):
            raise exceptions.InvalidChecksumError(f"checksum {total} of {length} bytes is wrong")
        return command, arg0, arg1, data

    def _may_be(self, total: int, data: bytes) -> bool:
        if self.version is None:  # newer phones send no sums from their first packet on
            return total in (0, byte_sum(data))
        return self.version >= _UNSUMMED or total == byte_sum(data)

    def _read_expected_packet_from_device(self, expected_cmds: Any, adb_info: Any) -> Any:
        packet = super()._read_expected_packet_from_device(expected_cmds, adb_info)
        if packet[0] == constants.CNXN:
            self.version = packet[1]
            banner = packet[3][:4096].decode("utf-8", "replace").rstrip("\0")
            named = dict(part.partition("=")[::2] for part in banner.partition("::")[2].split(";"))
            self.features = frozenset(named.get("features", "").split(","))
        return packet


class _Device(AdbDevice):  # type: ignore[misc]
    """The library's device with our packets, and its stream numbers opened up."""

    def __init__(self, transport: BaseTransport) -> None:
        super().__init__(transport, banner="pqv")
        self.io = self._io_manager = _Io(transport)

    @property
    def largest(self) -> int:
        return max(1024, min(int(self._maxdata), int(constants.MAX_ADB_DATA)))

    def number(self) -> int:
        with self._local_id_lock:
            self._local_id += 1
            return int(self._local_id)


class _Stream:
    """One ADB stream over an ``AdbShellLink``.

    A packet's acknowledgement is waited for before the next packet, not after its own: so the next one is read from
    its file while the phone works on this one.
    """

    def __init__(self, link: AdbShellLink, local: int) -> None:
        self._link = link
        self._io = link.device.io
        self._info = _info(local, IDLE_S)
        self._buffer = bytearray()
        self._closed = False
        self._owed = False

    def begin(self, service: str, timeout: float) -> None:
        self._send(AdbMessage(constants.OPEN, self._info.local_id, 0, service.encode() + b"\0"))
        command, remote = self._next([constants.OKAY, constants.CLSE], timeout)[:2]
        if command == constants.CLSE:
            self._closed = True
            raise ConnectionLostError(details=f"the phone refused {service[:200]}")
        self._info.remote_id = remote

    def read(self, count: int, *, timeout: float = IDLE_S) -> bytes:
        with self._link.translated():
            self._take_until(lambda: bool(self._buffer) or self._closed, timeout)
            part = bytes(self._buffer[:count])
            del self._buffer[:count]
            return part

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        size = self._link.device.largest
        with self._link.translated():
            for start in range(0, len(view), size):
                packet = self._packet(constants.WRTE, view[start : start + size])
                self._take_until(lambda: not self._owed or self._closed, IDLE_S)
                if self._closed:
                    raise ConnectionLostError(details="the phone has closed the stream")
                self._send(packet)
                self._owed = True

    def waiting(self) -> bool:
        return bool(self._buffer) or self._closed

    def close(self) -> None:
        if self._closed or self._info.remote_id is None:
            return
        self._closed = True
        with contextlib.suppress(Exception):
            self._send(self._packet(constants.CLSE))

    def _take_until(self, enough: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not enough():
            if time.monotonic() > deadline:
                raise ConnectionLostError(details="the phone sent nothing that was waited for")
            self._take(self._next([constants.OKAY, constants.WRTE, constants.CLSE], timeout))

    def _take(self, packet: tuple[bytes, int, int, bytes]) -> None:
        if packet[0] == constants.CLSE:
            self._closed = True
        elif packet[0] == constants.OKAY:
            self._owed = False
        else:
            if len(self._buffer) > _MAX_STRAY:
                raise ProtocolError("the phone sends without end what nobody reads")
            self._buffer += packet[3]
            self._send(self._packet(constants.OKAY))

    def _next(self, commands: list[bytes], timeout: float) -> tuple[bytes, int, int, bytes]:
        self._info.transport_timeout_s = self._info.read_timeout_s = timeout
        return self._io.read(commands, self._info, allow_zeros=False)  # type: ignore[no-any-return]

    def _packet(self, command: bytes, data: bytes | memoryview = b"") -> AdbMessage:
        return AdbMessage(command, self._info.local_id, self._info.remote_id, data)

    def _send(self, packet: AdbMessage) -> None:
        self._info.transport_timeout_s = IDLE_S
        self._io.send(packet, self._info)


def _info(local: int, timeout: float) -> Any:
    return _AdbTransactionInfo(local, None, timeout, timeout)


class AdbShellLink(Link):
    """A phone reached by adb-shell over a transport of ours.

    Args:
        transport: Not yet connected.
        signers: Keys to offer, the best first.
        check: Asked during every wait.
        asked: Called when the phone shows its question, so that a person can be told to look at it.
        patience_s: How long the person may take to answer.

    Raises:
        DeviceError: No connection, in the words of facts of the phone's state.
    """

    def __init__(
        self,
        transport: BaseTransport,
        *,
        kind: Kind,
        name: str,
        signers: list[Signer],
        check: Check,
        asked: Callable[[], None] | None = None,
        patience_s: float = PERSON_S,
        handshake_s: float = HANDSHAKE_S,
    ) -> None:
        self.kind = kind
        self.name = name
        self.check = check
        self.device = _Device(transport)
        self._transport = transport
        self._connecting = True
        self._asked = False
        try:
            with self.translated():
                self.device.connect(
                    rsa_keys=signers,
                    transport_timeout_s=handshake_s,
                    read_timeout_s=handshake_s,
                    auth_timeout_s=patience_s,
                    auth_callback=lambda _: self._ask(asked),
                )
        except BaseException:
            self.close()
            raise
        self._connecting = False
        self.features = self.device.io.features

    def open(self, service: str, *, timeout: float = IDLE_S) -> Stream:
        stream = _Stream(self, self.device.number())
        with self.translated():
            stream.begin(service, timeout)
        return stream

    def close(self) -> None:
        # The transport itself, not the device: the latter would wait for the lock of a thread that reads.
        with contextlib.suppress(Exception):
            self._transport.close()

    def _ask(self, asked: Callable[[], None] | None) -> None:
        self._asked = True
        if asked:
            asked()

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the library and the system as our own; the connection is not used after any of them."""
        try:
            yield
        except exceptions.DeviceAuthError as error:
            raise UnauthorizedError(details=str(error)) from error
        except (exceptions.InvalidCommandError, exceptions.InvalidChecksumError) as error:
            raise self._garbled(error) from error
        except (exceptions.InvalidResponseError, struct.error, KeyError, ValueError) as error:
            raise ProtocolError(f"{type(error).__name__}: {error}") from error
        except (exceptions.AdbTimeoutError, ConnectionLostError) as error:
            raise self._lost(error) from error
        except OSError as error:
            raise self._lost(error) from error

    def _garbled(self, error: Exception) -> ProtocolError | PairingError:
        if self._connecting and ("TLS" in str(error) or self.kind == "tcp"):
            return PairingError(self.name, details=str(error))
        return ProtocolError(str(error))

    def _lost(self, error: Exception) -> Exception:
        if not self._connecting:
            return error if isinstance(error, ConnectionLostError) else ConnectionLostError(details=str(error))
        if self._asked:
            return UnauthorizedError(details=str(error))
        details = error.details if isinstance(error, ConnectionLostError) else str(error)
        if self.kind == "tcp" and isinstance(error, OSError):
            return NoAnswerError(self.name, details=details)
        return OfflineError(details=details)
