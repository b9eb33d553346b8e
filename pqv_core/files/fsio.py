"""Files and folders changed in one step: a reader never sees half of one, and on Windows none stands in the way."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pqv_core.errors import from_os_error

PATIENCE_S = 1.0
"""How long a file that another program has open is waited for. Readers of ours and virus scanners need less."""

_PAUSE_S = 0.02
_Result = TypeVar("_Result")


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Args:
        durable: Wait until the disk has the content, so that not even a power cut leaves half a file.

    Raises:
        StorageError: The folder is missing, full, or may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _made_beside(path)
        usual = temporary.stat().st_mode
    except OSError as error:
        raise from_os_error(error, path) from error
    try:
        yield temporary
        if durable:
            _flush(temporary)
        temporary.chmod(stat.S_IMODE(usual))  # safetensors, for one, writes a file that only its owner may read
        move(temporary, path)
    except OSError as error:
        raise from_os_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):  # what keeps it from vanishing must not hide how the block ended
            remove(temporary)


def check_writable(path: Path) -> None:
    """Find out, before work whose outcome goes there, whether a file can be written.

    Raises:
        StorageError: It cannot be.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "This is a folder, not a file", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(_made_beside(path))
    except OSError as error:
        raise from_os_error(error, path) from error


def _made_beside(path: Path) -> Path:
    """A new, empty file with the permissions that the system gives to new files."""
    while True:
        temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.part")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return temporary


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Give a file or a folder another name in one step; a file that had this name is replaced.

    Raises:
        OSError: It cannot be, or on Windows a program has had one of them open for longer than ``PATIENCE_S``.
    """
    patiently(lambda: os.replace(source, target))  # noqa: PTH105 - atomic on the three systems


def remove(path: Path) -> None:
    """Delete a file, where it is there.

    Raises:
        OSError: It cannot be, or on Windows a program has had it open for longer than ``PATIENCE_S``.
    """
    with contextlib.suppress(FileNotFoundError):
        patiently(lambda: os.unlink(path))  # noqa: PTH108 - the same seam as the others


def remove_folder(path: Path) -> None:
    """Delete a folder with all that is in it, where it is there.

    Raises:
        OSError: It cannot be, or on Windows a program has had a file in it open for longer than ``PATIENCE_S``.
    """
    try:
        patiently(lambda: shutil.rmtree(path))
    except FileNotFoundError:
        if path.exists():  # something in it was deleted by somebody else
            raise


def patiently(step: Callable[[], _Result]) -> _Result:
    """Do a step again while the system refuses it for a moment.

    Windows neither replaces nor deletes a file that a program has open; a folder there is not empty until the last
    reader of what was deleted in it has gone. NFS does the same.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return step()
        except OSError as error:
            momentary = isinstance(error, PermissionError) or error.errno in (errno.EBUSY, errno.ENOTEMPTY)
            if not momentary or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_S)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, whole or not at all; NaN and infinity are refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    if not _is_unicode(text):  # file names in another encoding: kept as escapes, which read back the same
        text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
    write_text(path, text + "\n")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class FileTooLargeError(ValueError):
    """A file that is larger than one of its kind can be."""


def read_bounded(path: Path, limit: int) -> bytes:
    """A file's bytes, if they are no more than ``limit``; devices and pipes, which never end, are not opened.

    Raises:
        OSError: The file cannot be read.
        FileTooLargeError: It has more bytes.
    """
    if not path.is_file() and not path.is_dir():  # a folder has a sentence of the system's own
        path.stat()
        raise OSError(errno.EINVAL, "This is a device or a pipe, not a file", str(path))
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise FileTooLargeError(f"more than {limit:,} bytes")
    return content


def read_json(path: Path, *, limit: int = 4 << 20) -> Any:
    """The JSON value in a file of UTF-8 of at most ``limit`` bytes; NaN and infinity are refused.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not complete JSON, or too large.
    """
    return parse_json(read_bounded(path, limit).decode("utf-8-sig"))


_MAX_VALUES, _MAX_CONTAINERS = (
    4_000_000,
    1_000_000,
)  # a value takes some 100 bytes of memory, an empty list three of text


def parse_json(text: str) -> Any:
    """The JSON value that ``text`` holds; NaN and infinity are refused.

    Raises:
        ValueError: It is not complete JSON, nested too deeply, or of very many values.
    """
    if text.count(",") > _MAX_VALUES or text.count("[") + text.count("{") > _MAX_CONTAINERS:
        raise FileTooLargeError("very many values")
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def sha256_file(path: Path) -> str:
    """Hex digest of a file's content.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise from_os_error(error, path) from error


def sha256_json(value: Any) -> str:
    """Hex digest of a JSON value, the same for equal values whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
