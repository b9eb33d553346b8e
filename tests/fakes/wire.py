"""The ADB wire format: 24-byte headers and payloads (AOSP ``packages/modules/adb/protocol.txt``)."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass

import numpy as np

HEADER = struct.Struct("<4s5I")
OLD_VERSION = 0x01000000  # payloads carry a checksum
NEW_VERSION = 0x01000001  # the checksum field is 0 and not looked at
TOKEN, SIGNATURE, RSA_PUBLIC_KEY = 1, 2, 3
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")


@dataclass(frozen=True)
class Packet:
    command: bytes
    arg0: int
    arg1: int
    data: bytes | bytearray | memoryview = b""

    def pack(self, *, with_sum: bool) -> bytes:
        magic = int.from_bytes(self.command, "little") ^ 0xFFFFFFFF
        total = checksum(self.data) if with_sum else 0
        return HEADER.pack(self.command, self.arg0, self.arg1, len(self.data), total, magic)


def checksum(data: bytes | bytearray | memoryview) -> int:
    """Sum of the bytes, modulo 2³²."""
    return int(np.frombuffer(data, dtype=np.uint8).sum(dtype=np.uint64)) & 0xFFFFFFFF if len(data) else 0


def unpack(header: bytes) -> tuple[bytes, int, int, int, int]:
    """Command, arg0, arg1, length of the payload, checksum."""
    command, arg0, arg1, length, total, magic = HEADER.unpack(header)
    if magic != int.from_bytes(command, "little") ^ 0xFFFFFFFF:
        raise ValueError(f"bad magic after {command!r}")
    return command, arg0, arg1, length, total


@dataclass(frozen=True)
class PublicKey:
    """An RSA public key as the host sends it (AOSP ``libcrypto_utils/android_pubkey.c``)."""

    modulus: int
    exponent: int

    @classmethod
    def parse(cls, sent: bytes) -> PublicKey:
        blob = base64.b64decode(sent.rstrip(b"\0").split(b" ")[0], validate=True)
        words, _, modulus, _, exponent = struct.unpack("<2I256s256sI", blob)
        if words != 64:
            raise ValueError("not a 2048-bit key")
        return cls(int.from_bytes(modulus, "little"), exponent)

    def signed(self, token: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is RSASSA-PKCS1-v1_5 of ``token`` taken as a SHA-1 digest (RFC 8017)."""
        plain = pow(int.from_bytes(signature, "big"), self.exponent, self.modulus).to_bytes(256, "big")
        tail = _SHA1_PREFIX + token
        return plain == b"\0\1" + b"\xff" * (253 - len(tail)) + b"\0" + tail
