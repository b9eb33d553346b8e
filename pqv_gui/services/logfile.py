"""The log of the window: what went wrong and when, for bug reports. It stays on this computer."""

from __future__ import annotations

import contextlib
import logging
import platform
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

_BYTES, _OLDER = 1_000_000, 2
_TAIL_BYTES = 8_000


def folder() -> Path:
    """Where the log lies."""
    return platformdirs.user_log_path("pqv-mobile", appauthor=False)


def path() -> Path:
    """The log that is written now."""
    return folder() / "window.log"


def start() -> logging.Handler | None:
    """Begin to write the log; None where the folder may not be written, which stops nothing else."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path(), maxBytes=_BYTES, backupCount=_OLDER, encoding="utf-8", delay=False)
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("pqv")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    log.info("started: Python %s, %s, %s", platform.python_version(), platform.platform(), sys.executable)
    return handler


def stop(handler: logging.Handler | None) -> None:
    """End what ``start`` began."""
    if handler is not None:
        logging.getLogger("pqv").removeHandler(handler)
        handler.close()


def tail() -> str:
    """The log's last lines; empty where there is none."""
    with contextlib.suppress(OSError), path().open("rb") as file:
        file.seek(max(0, path().stat().st_size - _TAIL_BYTES))
        return file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    return ""
