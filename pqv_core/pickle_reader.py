"""Reads a pickle as plain data: nothing in it is ever imported, called or built.

A machine for the opcodes that data needs (Python's ``pickletools``, protocol 2 and up). Where a pickle names a
class, calls it, or refers to something outside, an inert ``Opaque`` stands in its place.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 20_000_000


class PickleError(ValueError):
    """The bytes are no pickle, or one that plain data would not need."""


@dataclass(frozen=True, eq=False)
class Opaque:
    """What is not plain data. ``kind`` is ``global``, ``call`` or ``persistent``; ``of`` says what it was made of."""

    kind: str
    of: Any


_MARK = object()
_PUSHES = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "INT", "LONG", "BINFLOAT", "FLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING"),
    )
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,
    "MARK": lambda: _MARK,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset({"PROTO", "FRAME"})


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.steps: dict[str, Callable[[Any], None]] = {
            "TUPLE": lambda _: self.stack.append(tuple(self.since_mark())),
            "APPEND": lambda _: self.extend([self.pop()]),
            "APPENDS": lambda _: self.extend(self.since_mark()),
            "ADDITEMS": lambda _: self.extend(self.since_mark()),
            "SETITEM": lambda _: self.update([self.pop(), self.pop()][::-1]),
            "SETITEMS": lambda _: self.update(self.since_mark()),
            "BUILD": lambda _: self.discard(),
            "POP": lambda _: self.discard(),
            "GLOBAL": lambda name: self.stack.append(Opaque("global", str(name))),
            "STACK_GLOBAL": lambda _: self.opaque("global", 2),
            "REDUCE": lambda _: self.opaque("call", 2),
            "NEWOBJ": lambda _: self.opaque("call", 2),
            "BINPERSID": lambda _: self.opaque("persistent", 1),
            "MEMOIZE": lambda _: self.put(len(self.memo)),
            "BINPUT": self.put,
            "LONG_BINPUT": self.put,
            "BINGET": self.get,
            "LONG_BINGET": self.get,
        }

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise PickleError("the stack is empty")
        return self.stack.pop()

    def discard(self) -> None:
        self.pop()

    def take(self, count: int) -> tuple[Any, ...]:
        return tuple([self.pop() for _ in range(count)][::-1])

    def since_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise PickleError("there is no mark")

    def extend(self, items: list[Any]) -> None:
        target = self.pop()
        if isinstance(target, list):
            target.extend(items)
        self.stack.append(target)

    def update(self, items: list[Any]) -> None:
        target = self.pop()
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=False):
                if isinstance(key, str | int):
                    target[key] = value
        self.stack.append(target)

    def opaque(self, kind: str, count: int) -> None:
        self.stack.append(Opaque(kind, self.take(count)))

    def put(self, index: int) -> None:
        if not self.stack:
            raise PickleError("nothing to remember")
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise PickleError(f"nothing remembered as {index}")
        self.stack.append(self.memo[index])


def read(data: bytes) -> Any:
    """The value of a pickle, with ``Opaque`` for all that is not data.

    Lists may contain themselves, as in any pickle: walk what is returned with a bound.

    Raises:
        PickleError: It is cut, damaged, or uses an opcode that data does not need.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count > MAX_STEPS:
                raise PickleError("too long")
            _step(machine, opcode.name, argument)
            if opcode.name == "STOP":
                return machine.pop()
    except (ValueError, OverflowError, IndexError) as error:
        raise error if isinstance(error, PickleError) else PickleError(str(error)) from error
    raise PickleError("no end")


def _step(machine: _Machine, name: str, argument: Any) -> None:
    if name in _PUSHES:
        machine.stack.append(argument)
    elif name in _CONSTANTS:
        machine.stack.append(_CONSTANTS[name]())
    elif name in _TUPLES:
        machine.stack.append(machine.take(_TUPLES[name]))
    elif name in machine.steps:
        machine.steps[name](argument)
    elif name not in _IGNORED and name != "STOP":
        raise PickleError(f"opcode {name}")
