"""Where the files that come with the program are.

The one place that knows it: ``resources/`` stands beside ``pqv_core/`` in a checkout and in an installed wheel alike.
The documentation lies in ``docs/`` in a checkout, and in ``resources/docs/`` in a wheel (``pyproject.toml``).
"""

from __future__ import annotations

from pathlib import Path

from pqv_core.errors import StorageError, UsageError

_ROOT = Path(__file__).resolve().parents[2] / "resources"


def resource(*parts: str) -> Path:
    """The path of a file or folder below ``resources/``.

    Raises:
        UsageError: The parts lead out of ``resources/``.
        StorageError: The file did not come with this installation.
    """
    path = _ROOT.joinpath(*parts)
    if ".." in path.parts or not path.is_relative_to(_ROOT):
        raise UsageError(f"{'/'.join(parts)} is not below the program's resources.")
    if not path.exists():
        raise StorageError(
            f"A program file is missing: resources/{'/'.join(parts)}.",
            action="Reinstall PQV-Mobile.",
            details=str(path),
        )
    return path


def docs() -> Path:
    """The folder of the documentation, with ``guide.md`` and ``glossary.md``.

    Raises:
        StorageError: It did not come with this installation.
    """
    in_checkout = _ROOT.parent / "docs"
    return in_checkout if (in_checkout / "guide.md").exists() else resource("docs")


def texts(*parts: str) -> dict[str, str]:
    """The text files below a folder of ``resources/``, by their paths in it.

    Raises:
        StorageError: The folder did not come with this installation.
    """
    root = resource(*parts)
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
