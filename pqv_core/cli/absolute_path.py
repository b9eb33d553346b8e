"""A path that a person named, as it is handed to another process."""

from __future__ import annotations

from pathlib import Path

from pqv_core.errors import UsageError


def absolute(path: Path) -> str:
    """The path from the root, links resolved.

    Raises:
        UsageError: It is no Unicode, which JSON could not hold.
    """
    text = str(path.resolve())
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "The path contains characters that are not Unicode.", action="Rename the folder or the file."
        ) from error
    return text
