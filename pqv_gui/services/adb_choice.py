"""Which adb server is asked for phones, where the person has named one.

What adb itself and ``deploy`` read is the variable ``ADB_SERVER_SOCKET``: it is set for this process, and for what that
starts.
"""

from __future__ import annotations

import os
import re

_VARIABLE = "ADB_SERVER_SOCKET"
_ADDRESS = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
_replaced: list[str | None] = []  # what the variable held before, while an address of ours is in it


def problem(address: str) -> str:
    """What is wrong with an address, in a sentence; empty where nothing is."""
    found = _ADDRESS.fullmatch(address)
    if not address or (found is not None and 0 < int(found.group(1)) < 65536):
        return ""
    return "An address is HOST:PORT, such as 127.0.0.1:5037."


def use(address: str) -> None:
    """Ask the server at HOST:PORT from now on; with an empty address the one that was asked before."""
    if address and not problem(address):
        _replaced[:] = _replaced or [os.environ.get(_VARIABLE)]
        os.environ[_VARIABLE] = f"tcp:{address}"
    elif _replaced:
        before = _replaced.pop()
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
