"""Finds every process that a command has started, by a mark in the environment that each inherits."""

from __future__ import annotations

import contextlib
import os
import secrets

import psutil

_NAME = "PQV_TEST_MARK"


def marked_environment() -> tuple[str, dict[str, str]]:
    """A new mark, and the environment that carries it."""
    mark = secrets.token_hex(8)
    return mark, {**os.environ, _NAME: mark}


def marked(mark: str) -> list[psutil.Process]:
    """The processes of this computer that carry the mark and work, whoever has started them."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_NAME) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
