"""What a person is told about an ExecuTorch file, on the terminal and in the window. Nothing in the file is run."""

from __future__ import annotations

from collections.abc import Iterator

from pqv_core import formatting
from pqv_core.files.foreign_text import line
from pqv_core.formats import description
from pqv_core.formats.pte.pte_file import FORWARD, ExecuTorchFile

_LETTERS = 1000
_SHOWN = 8


def rows(file: ExecuTorchFile) -> list[tuple[str, str]]:
    """Name and value of each fact: what the file says of itself, its methods, and its size by part."""
    described = description.rows(file.description, file.input_shape)
    return [(line(name), line(value, _LETTERS)) for name, value in (*described, *_form(file), *_sizes(file))]


def _form(file: ExecuTorchFile) -> Iterator[tuple[str, str]]:
    """What it takes and gives, and who does what in it."""
    if file.forward is not None and file.delegation is not None:
        yield "Input and output", str(file.forward)
        yield "Delegated", file.delegation.delegated
        yield "Outside of delegates", file.delegation.left
        yield "Working memory", formatting.size(file.forward.memory_bytes)
    if file.input_problem:
        yield "Cannot be measured", f"It {file.input_problem}."
    others = [method for method in file.methods if method.name != FORWARD]
    if others:
        more = f" and {len(others) - _SHOWN:,} more" if len(others) > _SHOWN else ""
        yield "Other methods", "; ".join(map(str, others[:_SHOWN])) + more


def _sizes(file: ExecuTorchFile) -> Iterator[tuple[str, str]]:
    yield "Size", formatting.size(file.size_bytes)
    for name, size in (
        ("… weights", file.weights_bytes),
        ("… delegates", file.graphs_bytes),
        ("… constants", file.constants_bytes),
        ("… initial state", file.state_bytes),
        ("… program, names and padding", file.program_bytes),
    ):
        if size:
            yield name, formatting.size(size)
    yield "Segments", f"{file.segments:,}"
    if file.external:
        yield "In another file", f"the values of {file.external:,} tensors"
