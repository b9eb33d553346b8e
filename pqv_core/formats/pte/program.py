"""What stands in an ExecuTorch program: its methods, what is delegated and what is not, and where its bytes are.

The schema is ExecuTorch's ``schema/program.fbs`` (identifier ET12); the numbers of fields and kinds below are its.
Segments with weights lie behind the flatbuffer, at the place that the header names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from pqv_core.files.foreign_text import line
from pqv_core.formats.pte.flatbuffer import BrokenError, Source, Table, TooLargeError, root

IDENTIFIER = b"ET12"
DESCRIPTION = "pqv"
"""Name of the method that gives what PQV-Mobile says of a file: no inputs, one text."""
MAX_NAMES = 10_000
"""Of methods, values and operators that are told."""
_LETTERS = 100
_SHOWN = 8
_DIMENSIONS = 16

_INTEGERS = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 27: "uint16", 28: "uint32", 29: "uint64"}
_FLOATS = {5: "float16", 6: "float32", 7: "float64", 15: "bfloat16"}
_QUANTIZED = {12: "qint8", 13: "quint8", 14: "qint32", 16: "quint4x2", 17: "quint2x4"}
_TYPES = {**_INTEGERS, **_FLOATS, **_QUANTIZED, 11: "bool", 22: "bits16"}
_LISTS = {7: "List[int]", 8: "List[float]", 9: "List[bool]", 10: "List[Tensor]", 11: "List[Optional[Tensor]]"}
_VALUES = {1: "None", 2: "int", 3: "bool", 4: "float", 5: "Tensor", 6: "str", **_LISTS}
_TENSOR, _TEXT = 5, 6
_KERNEL_CALL, _DELEGATE_CALL = 1, 2
_IN_SEGMENT = 1
_EXTERNAL = 1


class Value(BaseModel):
    """What a method takes or gives.

    Attributes:
        type: ``Tensor``, ``int``, ``str``, …
        dtype: Of a tensor's elements: ``float32``.
        shape: Of a tensor; the largest that it may have where it is not fixed.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    dtype: str = ""
    shape: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.dtype}({' × '.join(map(str, self.shape))})" if self.type == "Tensor" else self.type


class Method(BaseModel):
    """Something that a program can do.

    Attributes:
        delegated: How often each kind of delegate is called.
        calls: How often each operator is called outside of delegates.
        arguments: The most arguments that each of them is given, its results among them.
        memory_bytes: Planned for the values between its steps.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    delegated: dict[str, int]
    calls: dict[str, int]
    arguments: dict[str, int]
    memory_bytes: int

    def __str__(self) -> str:
        given, gives = (", ".join(map(str, values[:_SHOWN])) or "nothing" for values in (self.inputs, self.outputs))
        return f"{self.name}({given}) → {gives}"


@dataclass(frozen=True)
class Parts:
    """Bytes by what they are for; the rest of the file is the program itself.

    Attributes:
        constants: Of the operators outside of delegates.
        graphs: What delegates were made from.
        weights: Named data that delegates look up.
        state: What tensors that change begin with.
    """

    constants: int = 0
    graphs: int = 0
    weights: int = 0
    state: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.constants + self.graphs + self.weights + self.state


@dataclass
class Program:
    """What was read.

    Attributes:
        description: The text of the method ``pqv``, undecoded; None where there is none.
        external: Tensors whose values lie in another file.
        segments: Of each, where it begins behind the first one's place, and how long it is.
    """

    version: int
    methods: list[Method] = field(default_factory=list)
    description: bytes | None = None
    external: int = 0
    segments: list[tuple[int, int]] = field(default_factory=list)
    parts: Parts = Parts()


def read(source: Source, *, description_limit: int) -> Program:
    """Everything that is told of a program.

    Args:
        source: The flatbuffer, from its first byte.
        description_limit: Bytes; a longer description is left unread.

    Raises:
        BrokenError: It is damaged.
        TooLargeError: It is larger than any real one.
        Cancelled: The end was asked for.
    """
    top = root(source)
    found = Program(version=top.number(0, "u32"))
    named = 0
    for plan in top.tables(1):
        method = _method(plan)
        named += 1 + len(method.inputs) + len(method.outputs) + len(method.calls) + len(method.delegated)
        if named > MAX_NAMES:
            raise TooLargeError(f"it has more than {MAX_NAMES:,} methods, values and operators")
        found.external += sum(_is_external(value) for value in plan.tables(2))
        if method.name == DESCRIPTION and not method.inputs and found.description is None:
            found.description = _given_text(plan, description_limit)
        found.methods.append(method)
    found.segments = [(entry.number(0, "u64"), entry.number(1, "u64")) for entry in top.tables(4)]
    found.parts = _parts(top, [size for _, size in found.segments])
    return found


def _method(plan: Table) -> Method:
    delegates = [line(item.text(0), _LETTERS) for item in plan.tables(7)]
    operators = [_operator(item) for item in plan.tables(6)]
    calls, delegated, arguments = Counter[str](), Counter[str](), Counter[str]()
    for instruction in (item for chain in plan.tables(5) for item in chain.tables(2)):
        kind, call = instruction.number(0, "u8"), instruction.table(1)
        if call is None:
            raise BrokenError("a step in it does nothing")
        if kind == _KERNEL_CALL:
            name = _numbered(operators, call.number(0, "i32"))
            calls[name] += 1
            arguments[name] = max(arguments[name], call.length(1, 4))
        elif kind == _DELEGATE_CALL:
            delegated[_numbered(delegates, call.number(0, "i32"))] += 1
    return Method(
        name=line(plan.text(0), _LETTERS),
        inputs=tuple(_values(plan, 3)),
        outputs=tuple(_values(plan, 4)),
        delegated=dict(delegated),
        calls=dict(calls),
        arguments=dict(arguments),
        memory_bytes=sum(max(0, size) for size in plan.numbers(8, "i64")),
    )


def _numbered(names: list[str], index: int) -> str:
    if not 0 <= index < len(names):
        raise BrokenError(f"a step in it calls number {index:,} of {len(names):,}")
    return names[index]


def _operator(entry: Table) -> str:
    name, overload = line(entry.text(0), _LETTERS), line(entry.text(1), _LETTERS)
    return f"{name}.{overload}" if overload else name


def _values(plan: Table, places: int) -> Iterator[Value]:
    """The values that a list of numbers names."""
    if plan.length(places, 4) > MAX_NAMES:
        raise TooLargeError(f"it takes or gives more than {MAX_NAMES:,} values")
    for index in plan.numbers(places, "i32"):
        yield _value(plan.table_of(2, index))


def _value(entry: Table) -> Value:
    kind, content = entry.number(0, "u8"), entry.table(1)
    if kind != _TENSOR or content is None:
        return Value(type=_VALUES.get(kind, f"of kind {kind}"))
    if content.length(2, 4) > _DIMENSIONS:
        raise BrokenError(f"a tensor in it has more than {_DIMENSIONS} dimensions")
    type_ = content.number(0, "i8")
    return Value(
        type="Tensor",
        dtype=_TYPES.get(type_, f"type {type_}"),
        shape=tuple(max(0, n) for n in content.numbers(2, "i32")),
    )


def _is_external(entry: Table) -> bool:
    content = entry.table(1) if entry.number(0, "u8") == _TENSOR else None
    extra = content.table(9) if content is not None else None
    return extra is not None and extra.number(2, "i8") == _EXTERNAL


def _given_text(plan: Table, limit: int) -> bytes | None:
    """The text that a method gives, whatever is in it; None where it gives something else, or too much of it."""
    places = list(plan.numbers(4, "i32")) if plan.length(4, 4) == 1 else []
    if not places:
        return None
    entry = plan.table_of(2, places[0])
    content = entry.table(1) if entry.number(0, "u8") == _TEXT else None
    if content is None or content.length(0, 1) > limit:
        return None
    return content.data(0, limit)


def _parts(top: Table, sizes: list[int]) -> Parts:
    """What the segments hold, and what is held in the flatbuffer itself; each segment counts once."""
    left = dict(enumerate(sizes))

    def taken(indices: Iterator[int]) -> int:
        return sum(left.pop(index, 0) for index in indices)

    constants = top.table(5)
    has_constants = constants is not None and constants.length(1, 8) > 0
    held = (item.length(0, 1) for item in top.tables(2))
    inline = (item.length(0, 1) for item in top.tables(3))
    return Parts(
        constants=sum(held) + (taken(iter((constants.number(0, "u32"),))) if constants and has_constants else 0),
        graphs=sum(inline) + taken(_delegate_segments(top)),
        weights=taken(item.number(1, "u32") for item in top.tables(7)),
        state=taken(item.number(0, "u32") for item in top.tables(6)),
    )


def _delegate_segments(top: Table) -> Iterator[int]:
    for delegate in (item for plan in top.tables(1) for item in plan.tables(7)):
        place = delegate.table(1)
        if place is not None and place.number(0, "i8") == _IN_SEGMENT:
            yield place.number(1, "u32")
