"""Which sources a prebuilt benchmark program was made from.

``resources/runner/provenance.json`` keeps the hash that the sources had when the programs were built; where it differs
from ``sources_sha256`` of today's sources, the programs are out of date.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

SHARED = ("CMakeLists.txt", "CMakePresets.json", "cmake", "src/core")
"""Files and folders of ``android_runner/`` that decide what every program is; its tests and documents do not."""


def sources_sha256(root: Path, backend: str) -> str:
    """Hex digest of the sources of one backend's program.

    Over all files of ``SHARED`` and of the backend's folder, sorted by their path with forward slashes, it is the
    SHA-256 of one line a file: the hex SHA-256 of its content with LF line ends, two spaces, the path.

    Args:
        root: The folder ``android_runner``.
        backend: The backend's folder in ``src``, such as ``lite``.
    """
    files = [file for name in (*SHARED, f"src/{backend}") for file in _files(root / name)]
    lines = []
    for path in sorted(file.relative_to(root).as_posix() for file in files):
        content = (root / path).read_bytes().replace(b"\r\n", b"\n")
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
