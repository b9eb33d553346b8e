"""What has to be on a device besides a file, so that the file can run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pqv_core.files.fsio import sha256_file
from pqv_core.formats import FileFacts, Format
from pqv_core.formats.base import Runtime

FormatFile = tuple[Format, FileFacts]
"""A file's format, and what can be said of it."""


@dataclass(frozen=True)
class Kit:
    """A program, and its libraries. ``runtime`` says what they can run; None where that is not described."""

    runtime: Runtime | None
    abi: str
    program: Path
    libraries: tuple[Path, ...]

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the program and with any of the libraries."""
        together = hashlib.sha256()
        for path in sorted((self.program, *self.libraries)):
            together.update(f"{path.name}\0{sha256_file(path)}\n".encode())
        return together.hexdigest()[:16]


@dataclass(frozen=True)
class KitChoice:
    """What a person, or a test, chooses of the kit.

    Attributes:
        version: Of the runtime; empty for the usual one of each format.
        archives: Files to take the libraries from instead of fetching them.
        kit: In place of the one that the target would choose.
    """

    version: str = ""
    archives: tuple[Path, ...] = ()
    kit: Kit | None = None
