"""Commands on the phone: quoted words, bounded output, separate streams and exit codes where the phone has shell v2."""

from __future__ import annotations

import re
import secrets
import shlex
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.errors import CommandError, ConnectionLostError, ProtocolError
from deploy.targets.android.transports.base import IDLE_S, Link, Stream

STDOUT, STDERR, EXIT = 1, 2, 3
MAX_OUTPUT = 4 << 20
MAX_LINE = 1 << 20
MAX_COMPLAINTS = 64 << 20
_PACKET = struct.Struct("<BI")
_HELD = 64  # bytes that a line which is cut keeps for its rest, so that the marker of the end stays whole


@dataclass(frozen=True)
class Completed:
    """What a command left. On phones without shell v2, ``err`` is empty and all stands in ``out``."""

    code: int
    out: str
    err: str


def join(*words: object) -> str:
    """A command line on which every word means itself."""
    plain = [str(word) for word in words]
    if any("\0" in word or "\n" in word for word in plain):
        raise CommandError("building a command", output="a word holds a line break")
    return shlex.join(plain)


class Running:
    """A command at work. Iterate over its lines; ``code`` is there once they have ended.

    Args:
        link: The phone.
        command: A whole command line, its words quoted by ``join``.
        silence_s: How long it may say nothing.
        on_error: Takes what it prints on its standard error, as it comes (shell v2 only).
    """

    def __init__(
        self, link: Link, command: str, *, silence_s: float = IDLE_S, on_error: Callable[[str], None] | None = None
    ) -> None:
        self.code: int | None = None
        self.error_text = ""
        self._complained = 0
        self._silence = silence_s
        self._on_error = on_error
        self._marker = ""
        if "shell_v2" in link.features:
            self._stream: Stream = link.open(f"shell,v2,raw:{command}", timeout=silence_s)
            self._pieces = self._framed()
        else:
            self._marker = secrets.token_hex(8)
            self._stream = link.open(f"shell:({command}\n); echo {self._marker}=$?", timeout=silence_s)
            self._pieces = self._plain()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the command; with shell v2 it receives SIGHUP."""
        self._stream.close()

    def lines(self) -> Iterator[str]:
        """Lines of the output as they come; a line that is too long is cut into pieces."""
        rest = bytearray()
        for piece in self._pieces:
            rest += piece
            if b"\n" in piece:
                *whole, rest = rest.split(b"\n")
                for line in whole:
                    if (text := self._line(line)) is not None:
                        yield text
            if len(rest) > MAX_LINE:
                yield _decode(rest[:-_HELD])
                del rest[:-_HELD]
        if rest and (text := self._line(rest)) is not None:
            yield text
        if self.code is None:
            raise ConnectionLostError(details="the command's end was not seen")

    def _line(self, line: bytes | bytearray) -> str | None:
        text = _decode(line.rstrip(b"\r"))
        if self._marker and (found := re.search(rf"{self._marker}=(\d{{1,3}})$", text)):
            self.code = int(found[1])
            return text[: found.start()] or None
        return text

    def _plain(self) -> Iterator[bytes]:
        while part := self._stream.read(65536, timeout=self._silence):
            yield part

    def _framed(self) -> Iterator[bytes]:
        buffer = bytearray()
        while self.code is None:
            part = self._stream.read(65536, timeout=self._silence)
            if not part:
                return
            buffer += part
            while len(buffer) >= _PACKET.size:
                kind, length = _PACKET.unpack_from(buffer)
                if length > MAX_OUTPUT:
                    raise ProtocolError(f"shell packet of {length} bytes")
                if len(buffer) < _PACKET.size + length:
                    break
                data = bytes(buffer[_PACKET.size : _PACKET.size + length])
                del buffer[: _PACKET.size + length]
                if kind == STDOUT:
                    yield data
                elif kind == STDERR:
                    self._error(_decode(data))
                elif kind == EXIT:
                    self.code = data[0] if data else 255

    def _error(self, text: str) -> None:
        self._complained += len(text)
        if self._complained > MAX_COMPLAINTS:
            raise ProtocolError(f"a command printed more than {MAX_COMPLAINTS} characters to its standard error")
        self.error_text = (self.error_text + text)[-65536:]
        if self._on_error:
            self._on_error(text)


def _decode(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")


def run(link: Link, command: str, *, silence_s: float = IDLE_S, limit: int = MAX_OUTPUT) -> Completed:
    """Run a command to its end.

    Raises:
        ConnectionLostError: The phone went away, or said nothing for ``silence_s``.
        ProtocolError: It printed more than ``limit`` characters.
    """
    total, lines = 0, []
    with Running(link, command, silence_s=silence_s) as running:
        for line in running.lines():
            total += len(line) + 1
            if total > limit:
                raise ProtocolError(f"a command printed more than {limit} characters")
            lines.append(line)
    assert running.code is not None
    return Completed(running.code, "\n".join(lines), running.error_text)


def check(link: Link, command: str, what: str, *, silence_s: float = IDLE_S) -> str:
    """Run a command that has to succeed; its output.

    Args:
        what: What it does, in words for the error.

    Raises:
        CommandError: Its exit code is not 0.
    """
    done = run(link, command, silence_s=silence_s)
    if done.code:
        raise CommandError(what, code=done.code, output=done.err or done.out)
    return done.out
