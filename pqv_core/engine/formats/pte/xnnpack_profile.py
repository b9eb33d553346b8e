"""What XNNPACK's operators take, asked of XNNPACK itself.

ExecuTorch's published bindings make XNNPACK's runtimes without its own basic profiling, and are built without event
tracing. XNNPACK's functions are exported by the same library, though, and its calls to ``xnn_create_runtime_v4`` go
through the table of imported functions: while a file is loaded under ``watching``, the entry points to a function here
that asks for profiling and remembers the runtime that it got. Names and times are then read after each inference with
``xnn_get_runtime_profiling_info`` (XNNPACK, ``include/xnnpack.h``). Where the library is another, nothing is changed
and nothing is known of single operators.

Unnecessary once the published bindings have ExecuTorch's event tracer (``EXECUTORCH_ENABLE_EVENT_TRACER``).
"""

from __future__ import annotations

import contextlib
import ctypes
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_CREATE, _ASK = "xnn_create_runtime_v4", "xnn_get_runtime_profiling_info"
_BASIC_PROFILING = 0x8
_OPERATORS, _NAMES, _TIMES = 0, 1, 2  # enum xnn_profile_info
_RELA, _DYNSYM = 4, 11  # types of sections
_RELA_BYTES, _SYMBOL_BYTES, _SECTION_BYTES = 24, 24, 64
# In 8 bits it computes GELU and the like by a table, and has no name for that.
_IN_WORDS = {"Invalid Unary Op": "Unary (NC, QS8) Table"}
_MAPS = Path("/proc/self/maps")

_Create = ctypes.CFUNCTYPE(
    ctypes.c_int, *[ctypes.c_void_p] * 4, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p)
)  # subgraph, weights cache, workspace, thread pool, flags, runtime


class Watch:
    """The runtimes of XNNPACK that were made while somebody watched."""

    def __init__(self, library: ctypes.CDLL | None) -> None:
        self._library = library
        self._runtimes: list[ctypes.c_void_p] = []
        self._depth = 0
        self.hook = _Create(self._created)  # must live as long as anybody may call it

    def rows(self) -> dict[str, tuple[float, float]]:
        """Calls and nanoseconds of each operator in the last inference, by name; empty where nothing is known."""
        found: dict[str, tuple[float, float]] = {}
        for name, spent in (row for runtime in self._runtimes for row in self._times(runtime)):
            calls, before = found.get(name, (0.0, 0.0))
            found[name] = (calls + 1, before + spent)
        return found

    def _created(self, *arguments: Any) -> int:
        assert self._library is not None
        *others, flags, place = arguments
        create = _Create((_CREATE, self._library))
        self._depth += 1
        status = int(create(*others, flags | _BASIC_PROFILING, place))
        self._depth -= 1
        if status == 0 and self._depth == 0:  # those within work out what is constant, and are gone at once
            self._runtimes.append(ctypes.c_void_p(place[0]))
        return status

    def _times(self, runtime: ctypes.c_void_p) -> Iterator[tuple[str, float]]:
        count = int.from_bytes(self._asked(runtime, _OPERATORS), "little")
        names = self._asked(runtime, _NAMES).split(b"\0")[:count]
        times = struct.unpack(f"<{count}Q", self._asked(runtime, _TIMES))
        for name, microseconds in zip(names, times, strict=True):
            plain = name.decode(errors="replace").strip()
            yield _IN_WORDS.get(plain, plain), microseconds * 1000.0

    def _asked(self, runtime: ctypes.c_void_p, what: int) -> bytes:
        """What XNNPACK knows under a number of ``xnn_profile_info``; it says its size to whoever brings no room."""
        ask = getattr(self._library, _ASK)
        size = ctypes.c_size_t()
        ask(runtime, what, ctypes.c_size_t(0), None, ctypes.byref(size))
        room = ctypes.create_string_buffer(size.value)
        ask(runtime, what, size, room, ctypes.byref(size))
        return room.raw


@contextlib.contextmanager
def watching(bindings: Any) -> Iterator[Watch]:
    """Profile what XNNPACK makes within the block.

    Args:
        bindings: The loaded library of ExecuTorch, a module.
    """
    path = Path(bindings.__file__).resolve()  # as the system names it
    place = _entry(path)
    if place is None:
        yield Watch(None)
        return
    entry = ctypes.c_void_p.from_address(place)
    watch, before = Watch(ctypes.CDLL(str(path))), entry.value
    entry.value = ctypes.cast(watch.hook, ctypes.c_void_p).value
    try:
        yield watch
    finally:
        entry.value = before


def _entry(library: Path) -> int | None:
    """The address at which a loaded library looks up XNNPACK's function; None where it cannot be changed."""
    try:
        maps = [line.split(maxsplit=5) for line in _MAPS.read_text(encoding="utf-8").splitlines()]
        offset = _offset(library.read_bytes())
    except (OSError, struct.error, ValueError):
        return None
    ours = [_mapped(*part[:2]) for part in maps if len(part) == 6 and Path(part[5]) == library]
    if offset is None or not ours:
        return None
    address = ours[0].begin + offset
    return address if any(part.is_writable and part.begin <= address < part.end for part in ours) else None


class _Mapped(NamedTuple):
    begin: int
    end: int
    is_writable: bool


def _mapped(ends: str, access: str) -> _Mapped:
    begin, _, end = ends.partition("-")
    return _Mapped(int(begin, 16), int(end, 16), "w" in access)


class _Section(NamedTuple):
    kind: int
    offset: int
    size: int
    link: int


def _offset(content: bytes) -> int | None:
    """Where a 64-bit ELF library keeps the address of the function that makes runtimes, from where it is loaded."""
    if content[:5] != b"\x7fELF\x02":
        return None
    (table,), (count,) = struct.unpack_from("<Q", content, 40), struct.unpack_from("<H", content, 60)
    sections = [_section(content, table + place * _SECTION_BYTES) for place in range(count)]
    for section in sections:
        if section.kind == _RELA and sections[section.link].kind == _DYNSYM:
            symbols = sections[section.link]
            for place in range(section.offset, section.offset + section.size, _RELA_BYTES):
                offset, info = struct.unpack_from("<QQ", content, place)
                (name,) = struct.unpack_from("<I", content, symbols.offset + (info >> 32) * _SYMBOL_BYTES)
                begin = sections[symbols.link].offset + name
                if content.startswith(_CREATE.encode() + b"\0", begin):
                    return int(offset)
    return None


def _section(content: bytes, place: int) -> _Section:
    _, kind, _, _, offset, size, link, _, _, _ = struct.unpack_from("<IIQQQQIIQQ", content, place)
    return _Section(kind, offset, size, link)
