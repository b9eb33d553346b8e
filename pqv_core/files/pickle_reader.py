"""Reads a pickle as plain data: nothing in it is ever imported, called or built.

A machine for the opcodes that data needs (protocol 2 and up; Python's ``pickletools`` describes them). Where a pickle
names a class, calls it, or refers to something outside, an inert ``Opaque`` stands in its place. What a pickle may
cost is bounded in steps, which bounds the time, and in the size of all that it makes, which bounds the memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pqv_core.errors import Cancelled

MAX_STEPS = 1_000_000
"""Of DeiT-L's bytecode 17,000 are read, of Swin-L's 40,000, of MaxViT-L's 86,000: the largest that we know of."""
MAX_BYTES = 32 << 20
"""Of all that is made; MaxViT-L's bytecode makes 2 MB."""

_ASKED_EVERY = 1 << 14
_CONTAINER, _TEXT, _NUMBER, _ENTRY, _REFERENCE = 88, 72, 32, 128, 16  # bytes, rather too many than too few
_KEYS = range(-(1 << 60), 1 << 60)  # larger numbers can be chosen so that all of them fall into one slot of a dict
_ORDERED_DICT = "collections OrderedDict"


class PickleError(ValueError):
    """The bytes are no pickle, or one that plain data would not need."""


class Opaque:
    """What is not plain data. ``kind`` is ``global``, ``call`` or ``persistent``; ``of`` says what it was made of.

    A global is named as ``module name``; a call holds the function and its arguments.
    """

    __slots__ = ("kind", "of")

    def __init__(self, kind: str, of: Any) -> None:
        self.kind = kind
        self.of = of


class _Machine:
    """``at`` is the place of the next byte to read, ``left`` the bytes that may still be made."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.left = MAX_BYTES
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    # what opcodes do -----------------------------------------------------------------------------------------

    def push(self, value: Any, cost: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise PickleError("it makes too much")
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise PickleError("the stack is empty")
        return self.stack.pop()

    def mark(self) -> None:
        self.push(None, _REFERENCE)
        self.stack.pop()
        self.marks.append(len(self.stack))

    def since_mark(self) -> list[Any]:
        if not self.marks:
            raise PickleError("there is no mark")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def tuple_of(self, count: int) -> None:
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise PickleError("the stack is empty")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items, _CONTAINER)

    def tuple_since_mark(self) -> None:
        items = self.since_mark()
        self.push(tuple(items), _CONTAINER + _REFERENCE * len(items))

    def extend(self, items: list[Any]) -> None:
        target = self.pop()
        if isinstance(target, list):
            target.extend(items)
        self.push(target, _REFERENCE * len(items))

    def update(self, items: list[Any]) -> None:
        target = self.pop()
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=False):
                if isinstance(key, str) or (isinstance(key, int) and key in _KEYS):
                    target[key] = value
        self.push(target, _ENTRY * len(items) // 2)

    def opaque(self, kind: str, of: Any) -> None:
        self.push(Opaque(kind, of), _CONTAINER)

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if arguments == () and isinstance(function, Opaque) and function.of == _ORDERED_DICT:
            self.push({}, _CONTAINER)
        else:
            self.opaque("call", (function, arguments))
            self.left -= _CONTAINER  # the pair

    def put(self, index: int) -> None:
        value = self.pop()
        self.memo[index] = value
        self.push(value, _ENTRY)

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise PickleError(f"nothing remembered as {index}")
        self.stack.append(self.memo[index])

    # what opcodes are followed by ----------------------------------------------------------------------------

    def number(self, form: struct.Struct) -> Any:
        value = form.unpack_from(self.data, self.at)[0]
        self.at += form.size
        return value

    def bytes_of(self, length: int) -> bytes:
        self.push(None, _TEXT + 4 * length)
        self.stack.pop()
        found = self.data[self.at : self.at + length]
        if len(found) < length:
            raise PickleError("it is cut")
        self.at += length
        return found

    def text(self, form: struct.Struct) -> None:
        self.stack.append(self.bytes_of(self.number(form)).decode("utf-8", "surrogatepass"))

    def raw(self, form: struct.Struct) -> None:
        self.stack.append(self.bytes_of(self.number(form)))

    def old_text(self, form: struct.Struct) -> None:
        self.stack.append(self.bytes_of(self.number(form)).decode("latin-1"))

    def long(self, form: struct.Struct) -> None:
        self.stack.append(int.from_bytes(self.bytes_of(self.number(form)), "little", signed=True))

    def line(self) -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise PickleError("it is cut")
        found = self.bytes_of(end - self.at).decode("utf-8")
        self.at += 1
        return found

    def named(self) -> None:
        self.opaque("global", f"{self.line()} {self.line()}")

    def named_by_stack(self) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleError("a global without a name")
        self.opaque("global", f"{self.short(module)} {self.short(name)}")

    def short(self, name: str) -> str:
        if len(name) > 1000:  # remembered once, it could be copied again and again
            raise PickleError("a very long name")
        return name


_U1, _U2, _I4, _U4, _U8, _F8 = map(struct.Struct, ("<B", "<H", "<i", "<I", "<Q", ">d"))
_STOP = ord(".")
_Step = Callable[[_Machine], object]
_OPCODES: dict[bytes, _Step] = {
    b"\x80": lambda m: m.number(_U1),  # PROTO
    b"\x95": lambda m: m.number(_U8),  # FRAME
    b"(": _Machine.mark,
    b"0": _Machine.pop,
    b"N": lambda m: m.stack.append(None),
    b"\x88": lambda m: m.stack.append(True),
    b"\x89": lambda m: m.stack.append(False),
    b"K": lambda m: m.stack.append(m.number(_U1)),
    b"M": lambda m: m.push(m.number(_U2), _NUMBER),
    b"J": lambda m: m.push(m.number(_I4), _NUMBER),
    b"\x8a": lambda m: m.long(_U1),
    b"\x8b": lambda m: m.long(_U4),
    b"G": lambda m: m.push(m.number(_F8), _NUMBER),
    b"X": lambda m: m.text(_U4),
    b"\x8c": lambda m: m.text(_U1),
    b"\x8d": lambda m: m.text(_U8),
    b"B": lambda m: m.raw(_U4),
    b"C": lambda m: m.raw(_U1),
    b"\x8e": lambda m: m.raw(_U8),
    b"T": lambda m: m.old_text(_U4),
    b"U": lambda m: m.old_text(_U1),
    b")": lambda m: m.stack.append(()),
    b"]": lambda m: m.push([], _CONTAINER),
    b"}": lambda m: m.push({}, _CONTAINER),
    b"\x8f": lambda m: m.push([], _CONTAINER),  # EMPTY_SET
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"t": _Machine.tuple_since_mark,
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.since_mark()),
    b"\x90": lambda m: m.extend(m.since_mark()),  # ADDITEMS
    b"s": lambda m: m.update([m.pop(), m.pop()][::-1]),
    b"u": lambda m: m.update(m.since_mark()),
    b"b": _Machine.pop,  # BUILD: what an object is filled with
    b"c": _Machine.named,
    b"\x93": _Machine.named_by_stack,
    b"R": _Machine.call,
    b"\x81": _Machine.call,  # NEWOBJ
    b"Q": lambda m: m.opaque("persistent", m.pop()),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"q": lambda m: m.put(m.number(_U1)),
    b"r": lambda m: m.put(m.number(_U4)),
    b"h": lambda m: m.get(m.number(_U1)),
    b"j": lambda m: m.get(m.number(_U4)),
}
_BY_BYTE: list[_Step | None] = [_OPCODES.get(bytes([code])) for code in range(256)]


def _never() -> bool:
    return False


def read(data: bytes, *, cancelled: Callable[[], bool] = _never) -> Any:
    """The value of a pickle, with ``Opaque`` for all that is not data.

    Tuples and lists may share their items or contain themselves, as in any pickle: walk what is returned with a bound.

    Raises:
        PickleError: It is cut, damaged, too large, or uses an opcode that data does not need.
        Cancelled: ``cancelled`` said so.
    """
    value, _ = read_next(data, 0, cancelled=cancelled)
    return value


def read_next(data: bytes, start: int, *, cancelled: Callable[[], bool] = _never) -> tuple[Any, int]:
    """The same of a pickle that begins at ``start``, and where it ends: others may follow.

    Raises:
        PickleError: As ``read``.
        Cancelled: ``cancelled`` said so.
    """
    machine = _Machine(data)
    machine.at = start
    try:
        for step in range(MAX_STEPS):
            if not step % _ASKED_EVERY and cancelled():
                raise Cancelled
            code = data[machine.at]
            machine.at += 1
            if code == _STOP:
                return machine.pop(), machine.at
            do = _BY_BYTE[code]
            if do is None:
                raise PickleError(f"opcode {code:#04x}")
            do(machine)
    except IndexError as error:
        raise PickleError("it has no end") from error
    except struct.error as error:
        raise PickleError("it is cut") from error
    except UnicodeDecodeError as error:
        raise PickleError("a text that is none") from error
    raise PickleError("it is too long")
