"""The standard streams of a command, whatever they were born as: closed, or in an encoding without our signs."""

from __future__ import annotations

import codecs
import os
import sys
from io import TextIOWrapper

_PLAIN = {
    "–": "-",
    "—": "-",
    "−": "-",
    "‑": "-",
    "×": "x",
    "·": "-",
    "…": "...",
    "±": "+/-",
    "→": "->",
    "✓": "+",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "‚": "'",
    "²": "2",
    "³": "3",
    "½": "1/2",
    "µ": "u",
    "μ": "u",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "\N{THIN SPACE}": " ",
    "≥": ">=",
    "≤": "<=",
}


def prepare(*, as_json: bool) -> None:
    """Open what is closed, and let every sign be written: in its plain form where the encoding does not have it.

    Args:
        as_json: Standard output carries JSON, which is UTF-8 on every system (RFC 8259, section 8.1).
    """
    _open_closed()
    codecs.register_error("pqv-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="pqv-plain")
    if as_json and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")


def silence() -> None:
    """Write nowhere from here on: whoever read has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _open_closed() -> None:
    """Give the null device to each standard descriptor that is closed: the next file opened would take its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, for good
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in text), error.end
