"""Named tensors and a little JSON in one safetensors file, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pqv_core.errors import StorageError, from_os_error
from pqv_core.files.fsio import parse_json, replacing

_FACTS = "pqv"


class DamagedError(StorageError):
    """A file that we wrote, and that can be made again."""


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors, and ``facts`` as JSON in the file's head.

    Raises:
        StorageError: The folder is missing, full, or may not be written.
    """
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    head = {_FACTS: json.dumps(dict(facts), allow_nan=False)}
    with replacing(path) as temporary:
        try:
            save_file(whole, temporary, metadata=head)
        except SafetensorError as error:
            raise _os_error(error) from error


def _os_error(error: SafetensorError) -> OSError:
    """The system's error inside one of safetensors, which carries its number as text."""
    number = re.search(r"(?:os error|code:) (\d+)", str(error))
    return OSError(int(number[1]) if number else 0, str(error))


def facts(path: Path) -> dict[str, Any]:
    """The facts in a file's head; empty for a file of another maker. No tensor is read.

    Raises:
        StorageError: The file is missing, damaged or of another kind.
    """
    with _opened(path) as file:
        return _facts_of(file)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and the facts.

    Raises:
        StorageError: The file is missing, damaged or of another kind.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, _facts_of(file)  # noqa: SIM118


def _facts_of(file: Any) -> dict[str, Any]:
    found = parse_json((file.metadata() or {}).get(_FACTS, "{}"))
    if not isinstance(found, dict):
        raise ValueError("the facts are no table")
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except OSError as error:
        raise from_os_error(error, path) from error
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"{path.name} is damaged.", action="Remove it and run again.", details=str(error)) from error
