"""What stands in an ExecuTorch file (``.pte``), read without torch and without running anything in it.

A ``.pte`` is a flatbuffer with the program, then segments with the weights. Behind the flatbuffer's identifier stands a
header of its own, ``eh00``, with the length of the program and the place of the first segment
(``schema/extended_header.h``); the oldest files have none, and hold everything in the flatbuffer.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pqv_core.errors import from_os_error
from pqv_core.files import kind as file_kind
from pqv_core.files.archive import never
from pqv_core.files.kind import Kind
from pqv_core.formats import description
from pqv_core.formats.base import FileFacts, FileFormatError
from pqv_core.formats.delegation import Delegation
from pqv_core.formats.pte import program
from pqv_core.formats.pte.flatbuffer import BrokenError, Source, TooLargeError
from pqv_core.formats.pte.program import IDENTIFIER, Method, Program, Value

FORWARD = "forward"
_CHOOSE = "Choose a complete .pte file for ExecuTorch."
_IMAGE = "float32"
_HEAD = 40
_MAGIC = b"eh00"


class ExecuTorchFile(FileFacts):
    """Facts of a ``.pte``; of ``operators`` those outside of delegates, in all methods.

    Attributes:
        version: Of the schema.
        methods: What it can do, in the file's order; the description's own is left out.
        constants_bytes: Constants of the operators outside of delegates.
        graphs_bytes: What the delegates were made from.
        weights_bytes: Data that the delegates look up by name.
        state_bytes: What tensors that change begin with.
        segments: Number of parts that lie behind the program.
        external: Tensors whose values lie in another file.
    """

    version: int
    methods: tuple[Method, ...]
    constants_bytes: int = 0
    graphs_bytes: int = 0
    weights_bytes: int = 0
    state_bytes: int = 0
    segments: int = 0
    external: int = 0

    @property
    def program_bytes(self) -> int:
        """Everything else: steps, values, names, padding."""
        return self.size_bytes - self.constants_bytes - self.graphs_bytes - self.weights_bytes - self.state_bytes

    @property
    def forward(self) -> Method | None:
        """The method that is measured; None where there is none of that name."""
        return next((method for method in self.methods if method.name == FORWARD), None)

    @property
    def delegates(self) -> tuple[str, ...]:
        """Kinds of delegates that it needs, each once."""
        return tuple(dict.fromkeys(name for method in self.methods for name in method.delegated))

    @property
    def delegation(self) -> Delegation | None:
        """Who computes what in its ``forward``."""
        method = self.forward
        return Delegation(parts=method.delegated, outside=method.calls) if method else None

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of the fp32 input, as the file describes itself or else as its program says."""
        method = self.forward
        said = super().input_shape
        if said is None and method and not self.input_problem:
            shape = method.inputs[0].shape
            return shape if 0 < len(shape) <= 8 and all(0 < size <= 1 << 20 for size in shape) else None
        return said

    @property
    def input_problem(self) -> str:
        """Why one image is not what it takes; empty where it is."""
        if self.forward is None:
            names = ", ".join(method.name for method in self.methods[:5])
            return f"has no method {FORWARD}{f' (but {names})' if names else ''}"
        given = self.forward.inputs
        if len(given) != 1:
            named = ", ".join(map(str, given[:5]))
            return f"takes {len(given)} inputs ({named}), not one image" if given else "takes no input"
        return "" if given[0].dtype == _IMAGE else f"takes {given[0]}, not an image of {_IMAGE}"

    @property
    def input_details(self) -> str:
        """What its ``forward`` takes and gives."""
        return str(self.forward) if self.forward else ""

    @property
    def unusual_result(self) -> str:
        """What it gives, where that is no single tensor of fp32."""
        given = self.forward.outputs if self.forward else ()
        if len(given) != 1:
            return f"{len(given)} results" if given else "nothing"
        return "" if given[0].dtype == _IMAGE else str(given[0])


def read(path: Path, *, cancelled: Callable[[], bool] = never) -> ExecuTorchFile:
    """Read a ``.pte``'s facts; safe for files from anybody.

    Args:
        cancelled: Asked again and again whether the end is wanted.

    Raises:
        FileFormatError: Damaged, or another kind of file.
        StorageError: It cannot be read.
        Cancelled: ``cancelled`` said so.
    """
    try:
        if not path.is_file():
            raise _UnfitError(f"is {file_kind.kind(path).label}, not an ExecuTorch file")
        with path.open("rb") as file:
            size = path.stat().st_size
            return _facts(file, size, _header(file, path, size), cancelled)
    except OSError as error:
        raise from_os_error(error, path) from error
    except _UnfitError as error:
        raise FileFormatError(f"{path.name} {error}.", action=error.action) from error
    except TooLargeError as error:
        raise FileFormatError(f"{path.name} is refused: {error}.", action=_CHOOSE) from error
    except BrokenError as error:
        raise FileFormatError(f"{path.name} is damaged: {error}.", action=_CHOOSE) from error


class _UnfitError(Exception):
    """What is not what was asked for; the message says what it is."""

    def __init__(self, what: str, action: str = _CHOOSE) -> None:
        super().__init__(what)
        self.action = action


class _Header(NamedTuple):
    """Bytes of the program, and where the segments begin."""

    program: int
    segments: int


def _header(file: BinaryIO, path: Path, size: int) -> _Header:
    """Where the parts of a file lie, once it is known to be whole."""
    head = file.read(_HEAD)
    identifier = head[4:8]
    if identifier != IDENTIFIER:
        raise _other(path, identifier)
    if size < _HEAD:
        raise _UnfitError("is truncated: its end is missing")
    if head[8:12] != _MAGIC:
        return _Header(size, size)
    length, end, start, data = struct.unpack_from("<IQQQ", head, 12)
    data = data if length > 24 else 0  # the first form of the header did not say
    if max(end, start + data) > size:
        raise _UnfitError("is truncated: its end is missing")
    return _Header(end, start or size)


def _other(path: Path, identifier: bytes) -> _UnfitError:
    """What a file is that does not call itself a program of a form that is known."""
    found = file_kind.kind(path)
    if found is Kind.EMPTY:
        return _UnfitError("is empty")
    if found is Kind.EXECUTORCH:
        return _UnfitError(
            f"is an ExecuTorch program of the form {identifier.decode()}, and this PQV-Mobile reads "
            f"{IDENTIFIER.decode()}",
            action="Export it with ExecuTorch 1.x, or update PQV-Mobile.",
        )
    is_known = found not in (Kind.UNKNOWN, Kind.CUT, Kind.DAMAGED)
    return _UnfitError(f"is not an ExecuTorch file{f' but {found.label}' if is_known else ''}")


def _facts(file: BinaryIO, size: int, header: _Header, cancelled: Callable[[], bool]) -> ExecuTorchFile:
    source = Source(file, header.program, cancelled=cancelled)
    found = program.read(source, description_limit=description.MAX_BYTES)
    _check_segments(found, header, size)
    calls, arguments = Counter[str](), dict[str, int]()
    for method in found.methods:
        calls.update(method.calls)
        for name, count in method.arguments.items():
            arguments[name] = max(count, arguments.get(name, 0))
    return ExecuTorchFile(
        size_bytes=size,
        operators=arguments,
        calls=dict(calls),
        description=description.parsed(found.description) if found.description is not None else {},
        version=found.version,
        methods=tuple(method for method in found.methods if not _describes(method)),
        constants_bytes=found.parts.constants,
        graphs_bytes=found.parts.graphs,
        weights_bytes=found.parts.weights,
        state_bytes=found.parts.state,
        segments=len(found.segments),
        external=found.external,
    )


def _describes(method: Method) -> bool:
    return method.name == program.DESCRIPTION and not method.inputs and method.outputs == (Value(type="str"),)


def _check_segments(found: Program, header: _Header, size: int) -> None:
    if any(header.segments + start + length > size for start, length in found.segments):
        raise _UnfitError("is truncated: its end is missing")
    if sum(length for _, length in found.segments) > size or found.parts.total > size:
        raise BrokenError("its parts overlap")
