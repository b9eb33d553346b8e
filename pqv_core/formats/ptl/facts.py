"""What a person is told about a PyTorch Lite file, on the terminal and in the window. Nothing in the file is run."""

from __future__ import annotations

from pqv_core import formatting
from pqv_core.files.foreign_text import line
from pqv_core.formats import description
from pqv_core.formats.ptl.ptl_file import LiteFile

_LETTERS = 1000


def rows(file: LiteFile) -> list[tuple[str, str]]:
    """Name and value of each fact: what the file says of itself, and its size by part."""
    described = description.rows(file.description, file.input_shape)
    return [(line(name), line(value, _LETTERS)) for name, value in (*described, *_form(file), *_sizes(file))]


def _form(file: LiteFile) -> list[tuple[str, str]]:
    """What it takes and gives, as its code says."""
    if file.signature is None:
        return []
    problem = file.signature.problem
    return [("Input and output", str(file.signature)), *([("Cannot be measured", f"It {problem}.")] if problem else [])]


def _sizes(file: LiteFile) -> list[tuple[str, str]]:
    rest = max(0, file.size_bytes - file.weights_bytes)
    rows = [
        ("Size", formatting.size(file.size_bytes)),
        ("… weights", f"{formatting.size(file.weights_bytes)} in {file.storages:,} tensors"),
        ("… code and names", formatting.size(rest)),
        ("Largest tensors", ", ".join(formatting.size(size) for size in file.largest[:5])),
    ]
    if file.duplicate_bytes:
        rows.append(("Stored twice", formatting.size(file.duplicate_bytes)))
    return [*rows, ("Bytecode", str(file.bytecode))]
