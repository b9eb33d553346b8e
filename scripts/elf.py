"""The little that is asked of a shared object or program for Android, read from its ELF file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PT_LOAD = 1
PT_NOTE = 4
MACHINES = {183: "arm64-v8a", 40: "armeabi-v7a", 62: "x86_64", 3: "x86"}


@dataclass(frozen=True)
class Elf:
    """What was read.

    Attributes:
        abi: Android's name of the machine.
        page_size: Largest memory page for which all loaded segments are aligned, in bytes.
        api_level: The oldest Android that it was made for; None where no note says so.
        ndk: Name of the NDK whose start files it has; empty where no note says so.
        has_symbols: It is not stripped.
    """

    abi: str
    page_size: int
    api_level: int | None
    ndk: str
    has_symbols: bool


def read(data: bytes) -> Elf:
    """Read a little-endian ELF file.

    Raises:
        ValueError: It is none, or is cut.
    """
    if data[:4] != b"\x7fELF" or data[5:6] != b"\x01":
        raise ValueError("not a little-endian ELF file")
    wide = data[4] == 2
    try:
        return _read(data, wide)
    except struct.error as error:
        raise ValueError("the ELF file is cut") from error


def _read(data: bytes, wide: bool) -> Elf:
    (machine,) = struct.unpack_from("<H", data, 18)
    phoff, shoff = struct.unpack_from("<QQ" if wide else "<II", data, 32 if wide else 28)
    phsize, phcount, shsize, shcount = struct.unpack_from("<HHHH", data, 54 if wide else 42)
    alignments, api_level, ndk = [], None, ""
    for index in range(phcount):
        at = phoff + index * phsize
        (kind,) = struct.unpack_from("<I", data, at)
        if wide:
            offset, _, _, size, _, alignment = struct.unpack_from("<QQQQQQ", data, at + 8)
        else:
            offset, _, _, size, _, _, alignment = struct.unpack_from("<IIIIIII", data, at + 4)
        if kind == PT_LOAD:
            alignments.append(alignment)
        elif kind == PT_NOTE:
            found = _android_note(data[offset : offset + size])
            api_level, ndk = found if found else (api_level, ndk)
    sections = [struct.unpack_from("<I", data, shoff + index * shsize + 4)[0] for index in range(shcount)]
    return Elf(
        abi=MACHINES.get(machine, f"machine {machine}"),
        page_size=min(alignments, default=1),
        api_level=api_level,
        ndk=ndk,
        has_symbols=2 in sections,  # SHT_SYMTAB
    )


def _android_note(notes: bytes) -> tuple[int, str] | None:
    """API level and NDK of the note that the NDK's start files carry (``.note.android.ident``)."""
    at = notes.find(b"Android\0")
    if at < 0:
        return None
    (level,) = struct.unpack_from("<i", notes, at + 8)
    return level, notes[at + 12 : at + 76].split(b"\0")[0].decode("ascii", "replace")
