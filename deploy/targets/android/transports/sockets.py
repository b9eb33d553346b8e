"""Waiting on a socket so that a cancel is noticed within a tenth of a second."""

from __future__ import annotations

import contextlib
import socket
import time

from deploy.device.shell import Check
from deploy.errors import ConnectionLostError
from deploy.targets.android.transports.base import SLICE_S


class PatientSocket:
    """A TCP connection whose waits can be ended by ``check``.

    Args:
        check: Asked during every wait; what it raises ends the wait.
    """

    def __init__(self, sock: socket.socket, check: Check) -> None:
        self._socket = sock
        self._check = check
        sock.settimeout(SLICE_S)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, count: int, timeout: float) -> bytes:
        """Up to ``count`` bytes; ``b""`` at the end.

        Raises:
            ConnectionLostError: Broken, or silent for ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        self._check()
        while True:
            try:
                return self._socket.recv(count)
            except TimeoutError as error:
                self._again(deadline, error)
            except OSError as error:
                raise ConnectionLostError(details=str(error)) from error

    def send(self, data: bytes | memoryview, timeout: float) -> None:
        """Send all of it; ``timeout`` is for each step forward, not for the whole."""
        rest = memoryview(data)
        deadline = time.monotonic() + timeout
        while rest:
            self._check()
            try:
                rest = rest[self._socket.send(rest) :]
                deadline = time.monotonic() + timeout
            except TimeoutError as error:
                self._again(deadline, error)
            except OSError as error:
                raise ConnectionLostError(details=str(error)) from error

    def waiting(self) -> bool:
        """Whether a read would return at once."""
        self._socket.settimeout(0)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) is not None
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        finally:
            with contextlib.suppress(OSError):
                self._socket.settimeout(SLICE_S)

    def close(self) -> None:
        """Close it; another thread that waits on it wakes up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _again(self, deadline: float, error: TimeoutError) -> None:
        self._check()
        if time.monotonic() >= deadline:
            raise ConnectionLostError(details="the phone was silent for too long") from error
